/** Public address ranges that really are announced, so that country, network and service lookups have something to say. Hosting and cloud networks only. */
import type { Random } from './random.ts'

interface Range {
  readonly base: number
  readonly bits: number
}

const range = (text: string): Range => {
  const [address, bits] = text.split('/') as [string, string]
  return { base: address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0), bits: Number(bits) }
}

const clients = [
  '34.64.0.0/11', // Google Cloud
  '66.249.64.0/19', // Googlebot
  '104.16.0.0/13', // Cloudflare
  '159.89.0.0/16', // DigitalOcean
  '167.99.0.0/16',
  '51.68.0.0/16', // OVH
  '88.198.0.0/16', // Hetzner
  '95.216.0.0/16',
  '172.104.0.0/15', // Akamai (Linode)
  '20.42.0.0/15', // Azure
  '40.112.0.0/13',
  '47.88.0.0/14', // Alibaba
  '43.128.0.0/13', // Tencent
  '77.88.0.0/18', // Yandex
  '151.101.0.0/16', // Fastly
  '140.82.112.0/20', // GitHub
].map(range)
const scanners = ['71.6.128.0/17', '162.142.125.0/24', '167.94.138.0/24', '64.62.128.0/18', '185.142.236.0/24', '45.148.10.0/24'].map(range)

/** An AWS service and the addresses it answers from. */
export interface AwsService {
  readonly name: string
  readonly ranges: readonly Range[]
}
/** Services whose addresses generated logs have, with ranges that AWS publishes. */
export const awsServices: readonly AwsService[] = [
  { name: 'S3', ranges: ['52.216.0.0/15', '54.231.0.0/16', '52.218.0.0/17'].map(range) },
  { name: 'DYNAMODB', ranges: ['52.94.0.0/22', '52.119.224.0/21'].map(range) },
  { name: 'CLOUDFRONT', ranges: ['13.224.0.0/14', '99.84.0.0/16'].map(range) },
  { name: 'AMAZON', ranges: ['54.239.0.0/17', '52.46.128.0/19'].map(range) },
]

const textOf = (value: number): string => `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`

function addressIn(ranges: readonly Range[], random: Random): string {
  const { base, bits } = random.pick(ranges)
  return textOf((base + 1 + random.below(2 ** (32 - bits) - 2)) >>> 0)
}

/** An internet client. */
export const clientAddress = (random: Random): string => addressIn(clients, random)

/** A host that scans. */
export const scannerAddress = (random: Random): string => addressIn(scanners, random)

/** An address of an AWS service. */
export const serviceAddress = (service: AwsService, random: Random): string => addressIn(service.ranges, random)

/** An internet client with IPv6, in canonical text. */
export const clientAddress6 = (random: Random): string =>
  `${random.pick(['2001:4860:4860', '2606:4700:10', '2a01:4f8:c17', '2a03:2880:f12'])}::${random.between(1, 0xfffe).toString(16)}`
