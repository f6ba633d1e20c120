// What `flowloom lookup` says of a holder.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describeHolder, type Holder } from '../../../cli/lookup.ts'

const holder: Holder = {
  scope: 'vpc-1',
  state: 'last-known',
  interface_id: 'eni-1',
  instance_id: 'i-1',
  interface_type: '',
  subnet_id: '',
  vpc_id: 'vpc-1',
  account_id: '',
  region: '',
  az_id: '',
  service: '',
  valid_from: '2023-07-26 00:00:10',
  valid_to: null,
  end_known: false,
  first_seen: '2023-07-26 00:00:10',
  last_seen: '2023-07-26 00:05:10',
  conflict_s: '0',
}

describe('the holder of an address', () => {
  it('that was last seen years ago does not hold it until now: nobody newer is known', () => {
    assert.equal(
      describeHolder(holder),
      'vpc-1: eni-1 i-1 vpc-1\n  from 2023-07-26 00:00:10 UTC on, nobody newer is known; seen 2023-07-26 00:00:10 to 2023-07-26 00:05:10 (last-known)',
    )
  })

  it('has an end where one is known', () => {
    const ended: Holder = { ...holder, state: 'held', valid_to: '2023-07-27 00:00:00', end_known: true, conflict_s: '90' }
    assert.equal(
      describeHolder(ended).split('\n')[1],
      '  from 2023-07-26 00:00:10 to 2023-07-27 00:00:00 UTC; seen 2023-07-26 00:00:10 to 2023-07-26 00:05:10 (held); another owner was seen for 90 s at the same time',
    )
  })
})
