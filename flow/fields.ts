/**
 * Every field that AWS documents for VPC flow logs (versions 2 to 11) and transit gateway flow logs (version 6).
 * One row per field: the one source for parser, Avro schema, fragments, columns of the store, views and reference docs.
 *
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
 * @see https://docs.aws.amazon.com/vpc/latest/tgw/tgw-flow-logs.html
 */

/**
 * How the value of a field is held in a flow batch:
 * `observer` text that belongs to the observation point (dictionary of observers), `next-hop` text of the next hop (own dictionary),
 * `traits` text or small number with few distinct combinations (dictionary of combinations), `address` dictionary of addresses,
 * `port` 0..65535, `counter` exact up to 2^53, `time` Unix seconds.
 */
export type FieldRole = 'observer' | 'next-hop' | 'traits' | 'address' | 'port' | 'counter' | 'time'

/** Why the parser refuses a value that is not a symbol of its field: a reason of processors/enrich/parse/line-faults.ts. */
export type SymbolFault = 'bad-action' | 'bad-log-status' | 'bad-direction'

/** How a trait is kept. A text needs nothing of it. */
export interface KeptTrait {
  /** Numbers: the largest one; above 255 it takes two bytes in the store. */
  readonly most?: number
  /** Numbers: bit of the column `absent` that says there is none. 0 to 17 are taken. */
  readonly absentBit?: number
  /** Numbers: no log has a 0, so that 0 says there is none. Each number has this or a bit. */
  readonly isNeverZero?: true
  /** Texts of a closed list: in Avro and in the store an enum. */
  readonly symbols?: readonly string[]
  /** Name of the Avro enum. */
  readonly enumName?: string
  /** Refusal of a text that is not in the list. */
  readonly fault?: SymbolFault
  /** Column of the table `flows`, if it is not the name of the field with underscores. */
  readonly column?: string
  /** The attribute (attributes.ts) whose column holds it: what the log says outranks what a lookup table says. */
  readonly attribute?: string
}

/** One documented field. */
export interface FlowField {
  /** Name in the header line of a text object (kebab-case, AWS spelling). */
  readonly name: string
  /** Flow log version that introduced the field. */
  readonly version: number
  /** Type as AWS documents it for Parquet. */
  readonly awsType: 'STRING' | 'INT_32' | 'INT_64'
  readonly role: FieldRole
  /** Place in our records: `group.field` for optional groups, else the field. */
  readonly record: string
  /** What it means, in one line. */
  readonly doc: string
  readonly kept: KeptTrait
}

const f = <
  const N extends string,
  const T extends FlowField['awsType'],
  const R extends FieldRole,
  const P extends string,
  const K extends KeptTrait = KeptTrait,
>(
  name: N,
  version: number,
  awsType: T,
  role: R,
  record: P,
  doc: string,
  kept: K = {} as K,
) => ({
  name,
  version,
  awsType,
  role,
  record,
  doc,
  kept,
})

/** All fields, in the order of the AWS table; transit gateway fields last. */
export const flowFields = [
  f('version', 2, 'INT_32', 'traits', 'version', 'highest version among the selected fields; says nothing about the column order', {
    most: 255,
    isNeverZero: true,
  }),
  f('account-id', 2, 'STRING', 'observer', 'accountId', 'account that owns the interface; 12 digits, leading zeros kept; may be `unknown`'),
  f('interface-id', 2, 'STRING', 'observer', 'interfaceId', 'network interface that recorded the flow; `-` for a regional NAT gateway'),
  f('srcaddr', 2, 'STRING', 'address', 'srcAddr', 'source address; on egress the private address of the interface'),
  f('dstaddr', 2, 'STRING', 'address', 'dstAddr', 'destination address; on ingress the private address of the interface'),
  f('srcport', 2, 'INT_32', 'port', 'srcPort', 'source port; 0 for ICMP'),
  f('dstport', 2, 'INT_32', 'port', 'dstPort', 'destination port; 0 for ICMP'),
  f('protocol', 2, 'INT_32', 'traits', 'protocol', 'IANA protocol number', { most: 255, absentBit: 0 }),
  f('packets', 2, 'INT_64', 'counter', 'packets', 'packets in the window'),
  f('bytes', 2, 'INT_64', 'counter', 'bytes', 'bytes in the window'),
  f('start', 2, 'INT_64', 'time', 'start', 'Unix seconds of the first packet in the window'),
  f('end', 2, 'INT_64', 'time', 'end', 'Unix seconds of the last packet in the window'),
  f('action', 2, 'STRING', 'traits', 'action', 'ACCEPT or REJECT by security groups and network ACLs', {
    symbols: ['ACCEPT', 'REJECT'],
    enumName: 'Action',
    fault: 'bad-action',
  }),
  f('log-status', 2, 'STRING', 'traits', 'logStatus', 'OK, NODATA (no traffic) or SKIPDATA (records were lost)', {
    symbols: ['OK', 'NODATA', 'SKIPDATA'],
    enumName: 'LogStatus',
    fault: 'bad-log-status',
  }),
  f('vpc-id', 3, 'STRING', 'observer', 'vpcId', 'VPC of the interface'),
  f('subnet-id', 3, 'STRING', 'observer', 'subnetId', 'subnet of the interface'),
  f(
    'instance-id',
    3,
    'STRING',
    'observer',
    'instanceId',
    'instance of the interface; `-` for requester-managed interfaces such as NAT gateways',
  ),
  f('tcp-flags', 3, 'INT_32', 'traits', 'tcpFlags', 'TCP flags OR-ed over the window: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32', {
    most: 65_535,
    absentBit: 1,
  }),
  f('type', 3, 'STRING', 'traits', 'type', 'IPv4, IPv6 or EFA'),
  f('pkt-srcaddr', 3, 'STRING', 'address', 'pktSrcAddr', 'source address in the packet; differs from srcaddr behind NAT and the like'),
  f('pkt-dstaddr', 3, 'STRING', 'address', 'pktDstAddr', 'destination address in the packet'),
  f('region', 4, 'STRING', 'observer', 'region', 'region of the interface'),
  f('az-id', 4, 'STRING', 'observer', 'azId', 'availability zone id of the interface'),
  f('sublocation-type', 4, 'STRING', 'observer', 'sublocationType', 'wavelength, outpost or localzone'),
  f('sublocation-id', 4, 'STRING', 'observer', 'sublocationId', 'id of the sublocation'),
  f('pkt-src-aws-service', 5, 'STRING', 'traits', 'pktSrcAwsService', 'AWS service of the packet source, by AWS address ranges', {
    attribute: 'AwsService',
  }),
  f('pkt-dst-aws-service', 5, 'STRING', 'traits', 'pktDstAwsService', 'AWS service of the packet destination, by AWS address ranges', {
    attribute: 'AwsService',
  }),
  f('flow-direction', 5, 'STRING', 'traits', 'flowDirection', 'ingress or egress, relative to the interface', {
    symbols: ['ingress', 'egress'],
    enumName: 'FlowDirection',
    fault: 'bad-direction',
  }),
  f(
    'traffic-path',
    5,
    'INT_32',
    'traits',
    'trafficPath',
    'path of egress traffic: 1 same VPC, 2 internet or gateway endpoint, 3 virtual private gateway, 4 intra-region peering, 5 inter-region peering, 6 local gateway, 7 gateway endpoint, 8 internet gateway',
    { most: 255, isNeverZero: true },
  ),
  f('ecs-cluster-arn', 7, 'STRING', 'observer', 'ecs.clusterArn', 'ARN of the ECS cluster'),
  f('ecs-cluster-name', 7, 'STRING', 'observer', 'ecs.clusterName', 'name of the ECS cluster'),
  f('ecs-container-instance-arn', 7, 'STRING', 'observer', 'ecs.containerInstanceArn', 'ARN of the container instance; absent on Fargate'),
  f('ecs-container-instance-id', 7, 'STRING', 'observer', 'ecs.containerInstanceId', 'id of the container instance'),
  f('ecs-container-id', 7, 'STRING', 'observer', 'ecs.containerId', 'runtime id of the container'),
  f('ecs-second-container-id', 7, 'STRING', 'observer', 'ecs.secondContainerId', 'runtime id of the second container'),
  f('ecs-service-name', 7, 'STRING', 'observer', 'ecs.serviceName', 'ECS service that started the task'),
  f('ecs-task-definition-arn', 7, 'STRING', 'observer', 'ecs.taskDefinitionArn', 'ARN of the task definition'),
  f('ecs-task-arn', 7, 'STRING', 'observer', 'ecs.taskArn', 'ARN of the task'),
  f('ecs-task-id', 7, 'STRING', 'observer', 'ecs.taskId', 'id of the task'),
  f('reject-reason', 8, 'STRING', 'traits', 'rejectReason', 'BPA (block public access), EC (encryption controls) or absent'),
  f('resource-id', 9, 'STRING', 'observer', 'resourceId', 'resource when there is no interface, such as a regional NAT gateway'),
  f('encryption-status', 10, 'INT_32', 'traits', 'encryptionStatus', '0 not encrypted, 1 nitro, 2 application, 3 both', {
    most: 255,
    absentBit: 2,
    column: 'encryption',
  }),
  f('instance-tag', 11, 'STRING', 'observer', 'tags.instance', 'value of the configured instance tag, percent-encoded in the log'),
  f('instance-tag-2', 11, 'STRING', 'observer', 'tags.instance2', 'value of the second configured instance tag'),
  f('interface-tag', 11, 'STRING', 'observer', 'tags.interface', 'value of the configured interface tag'),
  f('interface-tag-2', 11, 'STRING', 'observer', 'tags.interface2', 'value of the second configured interface tag'),
  f('asg-tag', 11, 'STRING', 'observer', 'tags.asg', 'value of the configured Auto Scaling group tag'),
  f('asg-tag-2', 11, 'STRING', 'observer', 'tags.asg2', 'value of the second configured Auto Scaling group tag'),
  f('interface-type', 11, 'STRING', 'observer', 'interfaceType', 'kind of interface, such as nat_gateway or network_load_balancer'),
  f(
    'next-hop-interface-id',
    11,
    'STRING',
    'next-hop',
    'nextHop.interfaceId',
    'interface that received (egress) or sent (ingress) the traffic',
  ),
  f('next-hop-subnet-id', 11, 'STRING', 'next-hop', 'nextHop.subnetId', 'subnet of the next hop'),
  f('next-hop-az-id', 11, 'STRING', 'next-hop', 'nextHop.azId', 'availability zone id of the next hop'),
  f('next-hop-vpc-id', 11, 'STRING', 'next-hop', 'nextHop.vpcId', 'VPC of the next hop'),
  f('next-hop-interface-type', 11, 'STRING', 'next-hop', 'nextHop.interfaceType', 'kind of the next hop interface'),
  f('resource-type', 6, 'STRING', 'observer', 'transitGateway.resourceType', 'always TransitGateway'),
  f('tgw-id', 6, 'STRING', 'observer', 'transitGateway.id', 'transit gateway'),
  f('tgw-attachment-id', 6, 'STRING', 'observer', 'transitGateway.attachmentId', 'attachment that recorded the flow'),
  f('tgw-src-vpc-account-id', 6, 'STRING', 'observer', 'transitGateway.srcVpcAccountId', 'account of the source VPC'),
  f('tgw-dst-vpc-account-id', 6, 'STRING', 'observer', 'transitGateway.dstVpcAccountId', 'account of the destination VPC'),
  f('tgw-src-vpc-id', 6, 'STRING', 'observer', 'transitGateway.srcVpcId', 'source VPC'),
  f('tgw-dst-vpc-id', 6, 'STRING', 'observer', 'transitGateway.dstVpcId', 'destination VPC'),
  f('tgw-src-subnet-id', 6, 'STRING', 'observer', 'transitGateway.srcSubnetId', 'source subnet'),
  f('tgw-dst-subnet-id', 6, 'STRING', 'observer', 'transitGateway.dstSubnetId', 'destination subnet'),
  f('tgw-src-eni', 6, 'STRING', 'observer', 'transitGateway.srcEni', 'source interface'),
  f('tgw-dst-eni', 6, 'STRING', 'observer', 'transitGateway.dstEni', 'destination interface'),
  f('tgw-src-az-id', 6, 'STRING', 'observer', 'transitGateway.srcAzId', 'source availability zone id'),
  f('tgw-dst-az-id', 6, 'STRING', 'observer', 'transitGateway.dstAzId', 'destination availability zone id'),
  f('tgw-pair-attachment-id', 6, 'STRING', 'observer', 'transitGateway.pairAttachmentId', 'attachment on the other side'),
  f('packets-lost-no-route', 6, 'INT_64', 'counter', 'packetsLost.noRoute', 'packets lost for want of a route'),
  f('packets-lost-blackhole', 6, 'INT_64', 'counter', 'packetsLost.blackhole', 'packets lost to a black hole'),
  f('packets-lost-mtu-exceeded', 6, 'INT_64', 'counter', 'packetsLost.mtuExceeded', 'packets lost because they were too large'),
  f('packets-lost-ttl-expired', 6, 'INT_64', 'counter', 'packetsLost.ttlExpired', 'packets lost because their time to live ran out'),
] as const satisfies readonly FlowField[]

/** Name of a documented field, as in a header line. */
export type FlowFieldName = (typeof flowFields)[number]['name']

const byName: ReadonlyMap<string, FlowField> = new Map(flowFields.map(field => [field.name, field]))

/**
 * Finds a documented field.
 *
 * @param name Column name of a text header (`pkt-srcaddr`) or of a Parquet object (`pkt_srcaddr`).
 * @returns The field, or undefined for a column that AWS did not document when this table was made.
 */
export function findFlowField(name: string): FlowField | undefined {
  return byName.get(name) ?? byName.get(name.replaceAll('_', '-'))
}

/** The default format (version 2): its 14 fields in AWS order. */
export const defaultFormat: readonly string[] = flowFields.filter(field => field.version === 2).map(field => field.name)

/** The 29 fields of versions 2 to 5 in AWS table order. */
export const fullV5Format: readonly string[] = flowFields.filter(field => field.version <= 5).map(field => field.name)

/** All 54 VPC flow log fields (versions 2 to 11) in AWS table order. */
export const fullV11Format: readonly string[] = flowFields.filter(field => field.version !== 6).map(field => field.name)

/** The default format of transit gateway flow logs (version 6), in AWS order. */
export const transitGatewayFormat: readonly string[] =
  'version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes start end log-status type packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags region flow-direction pkt-src-aws-service pkt-dst-aws-service'.split(
    ' ',
  )
