/** TypeScript types of decoded `flows` records; tests check them against the Avro schema (flow-record.ts). */
import type { TimeKept, TimeSource } from './records.ts'

type Text = string | null
type Whole = number | null

/** Key of `flows`. */
export interface FlowKeyRecord {
  lowAddr: Text
  lowPort: Whole
  highAddr: Text
  highPort: Whole
  protocol: Whole
}

/** ECS task of the interface. */
export interface EcsRecord {
  clusterArn: Text
  clusterName: Text
  containerInstanceArn: Text
  containerInstanceId: Text
  containerId: Text
  secondContainerId: Text
  serviceName: Text
  taskDefinitionArn: Text
  taskArn: Text
  taskId: Text
}

/** Tag values. */
export interface TagsRecord {
  instance: Text
  instance2: Text
  interface: Text
  interface2: Text
  asg: Text
  asg2: Text
}

/** Transit gateway context. */
export interface TransitGatewayRecord {
  resourceType: Text
  id: Text
  attachmentId: Text
  srcVpcAccountId: Text
  dstVpcAccountId: Text
  srcVpcId: Text
  dstVpcId: Text
  srcSubnetId: Text
  dstSubnetId: Text
  srcEni: Text
  dstEni: Text
  srcAzId: Text
  dstAzId: Text
  pairAttachmentId: Text
}

/** Next hop. */
export interface NextHopRecord {
  interfaceId: Text
  subnetId: Text
  azId: Text
  vpcId: Text
  interfaceType: Text
}

/** Packets lost in a transit gateway. */
export interface PacketsLostRecord {
  noRoute: Whole
  blackhole: Whole
  mtuExceeded: Whole
  ttlExpired: Whole
}

/** Value of `flows`: see flow-record.ts for the meaning of each field. */
export interface FlowRecord {
  accountId: Text
  interfaceId: Text
  vpcId: Text
  subnetId: Text
  instanceId: Text
  region: Text
  azId: Text
  sublocationType: Text
  sublocationId: Text
  resourceId: Text
  interfaceType: Text
  ecs: EcsRecord | null
  tags: TagsRecord | null
  transitGateway: TransitGatewayRecord | null
  scope: Text
  srcAddr: Text
  pktSrcAddr: Text
  srcCountry: Text
  srcAsn: Whole
  srcAsOrg: Text
  srcThreat: Text
  srcAwsService: Text
  dstAddr: Text
  pktDstAddr: Text
  dstCountry: Text
  dstAsn: Whole
  dstAsOrg: Text
  dstThreat: Text
  dstAwsService: Text
  version: Whole
  logStatus: 'OK' | 'NODATA' | 'SKIPDATA' | null
  action: 'ACCEPT' | 'REJECT' | null
  flowDirection: 'ingress' | 'egress' | null
  protocol: Whole
  protocolName: Text
  tcpFlags: Whole
  tcpFlagNames: Text
  type: Text
  trafficPath: Whole
  pktSrcAwsService: Text
  pktDstAwsService: Text
  rejectReason: Text
  encryptionStatus: Whole
  direction: 'unknown' | 'ingress' | 'egress'
  directionSource: 'none' | 'logged' | 'inferred' | 'inferred_count'
  directionBy: Text
  nextHop: NextHopRecord | null
  srcPort: Whole
  dstPort: Whole
  packets: Whole
  bytes: Whole
  start: number
  end: number
  timeSource: TimeSource
  timeKept: TimeKept | null
  packetsLost: PacketsLostRecord | null
  servicePort: Whole
  servicePortSource: 'tcp_flags' | 'inferred' | null
  serviceName: Text
  objectId: Buffer
  line: number
  extra: Record<string, string> | null
}
