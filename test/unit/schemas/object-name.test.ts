import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseObjectName } from '../../../schemas/object-name.ts'

const file = '123456789012_vpcflowlogs_us-east-1_fl-0a1b2c3d_20231114T2215Z_d5f2a1b0.log.gz'
const all = { accountId: '123456789012', region: 'us-east-1', flowLogId: 'fl-0a1b2c3d', slotStart: 1_700_000_100 }
const none = { accountId: null, region: null, flowLogId: null, slotStart: null }
const folders = { ...none, accountId: '123456789012', region: 'us-east-1' }

const cases = [
  { name: 'plain', key: `AWSLogs/123456789012/vpcflowlogs/us-east-1/2023/11/14/${file}`, expect: all },
  { name: 'plain with a prefix', key: `a/b c/AWSLogs/123456789012/vpcflowlogs/us-east-1/2023/11/14/${file}`, expect: all },
  { name: 'plain with an organisation', key: `AWSLogs/o-abc123defg/123456789012/vpcflowlogs/us-east-1/2023/11/14/${file}`, expect: all },
  { name: 'hourly', key: `AWSLogs/123456789012/vpcflowlogs/us-east-1/2023/11/14/22/${file}`, expect: all },
  {
    name: 'Hive',
    key: `AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/year=2023/month=11/day=14/${file}`,
    expect: all,
  },
  {
    name: 'Hive hourly',
    key: `p/AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/year=2023/month=11/day=14/hour=22/${file}`,
    expect: all,
  },
  { name: 'zstd suffix', key: file.replace('.log.gz', '.log.zst'), expect: all },
  { name: 'Parquet suffix', key: file.replace('.log.gz', '.log.parquet'), expect: all },
  { name: 'leading zeros', key: file.replace('123456789012', '001607371330'), expect: { ...all, accountId: '001607371330' } },
  { name: 'folders only', key: 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2023/11/14/other.log.gz', expect: folders },
  {
    name: 'Hive folders only',
    key: 'AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/year=2023/x.gz',
    expect: folders,
  },
  { name: 'impossible date', key: file.replace('20231114', '20230231'), expect: { ...all, slotStart: null } },
  { name: 'impossible time', key: file.replace('T2215', 'T2460'), expect: { ...all, slotStart: null } },
  {
    name: 'another log',
    key: 'AWSLogs/123456789012/CloudTrail/us-east-1/2023/11/14/123456789012_CloudTrail_us-east-1_20231114T2215Z_x.json.gz',
    expect: none,
  },
  { name: 'nothing', key: '', expect: none },
  {
    name: 'Security Lake',
    key: 'aws/VPC_FLOW/2.0/region=us-east-1/accountId=123456789012/eventDay=20231114/0a1b2c.gz.parquet',
    expect: folders,
  },
  {
    name: 'Security Lake with a prefix and its first layout',
    key: 'lake/aws/VPC_FLOW/1.0/accountId=123456789012/region=us-east-1/eventHour=2023111422/0a.parquet',
    expect: folders,
  },
  { name: 'another source of Security Lake', key: 'aws/ROUTE53/2.0/region=us-east-1/accountId=123456789012/x.parquet', expect: none },
]

void describe('parseObjectName', () => {
  for (const { name, key, expect } of cases)
    it(name, () => {
      assert.deepEqual(parseObjectName(key), expect)
    })
})
