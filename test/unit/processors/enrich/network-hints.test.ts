import assert from 'node:assert/strict'
import { it } from 'node:test'
import { networkHints } from '../../../../processors/enrich/network-hints.ts'
import { networksSection } from '../../../../processors/enrich/settings.ts'

const hinted = (...own: unknown[]): string[] => networkHints(networksSection.parse({ own }))

it('own networks that are every address, or have bits behind their prefix, are taken for a slip', () => {
  assert.deepEqual(hinted('10.0.0.0/8', '10.1.2.3/32', '172.32.128.0/17', '2600:1f18::/32', { cidrs: ['2600:1f18:0:1::/64'] }), [])
  assert.deepEqual(hinted('0.0.0.0/0', '10.1.2.3/8', { cidrs: ['::/0', '2600:1f18::1/48'] }), [
    'networks.own[0]: 0.0.0.0/0 is every IPv4 address: all of them count as yours, and nobody is outside',
    'networks.own[1]: 10.1.2.3/8 has bits behind its prefix: it means 10.0.0.0/8; for the one address write 10.1.2.3/32',
    'networks.own[2].cidrs[0]: ::/0 is every IPv6 address: all of them count as yours, and nobody is outside',
    'networks.own[2].cidrs[1]: 2600:1f18::1/48 has bits behind its prefix: it means 2600:1f18::/48; for the one address write 2600:1f18::1/128',
  ])
})

it('an own network that is refused is named by its value, and of an address alone what to write', () => {
  const faults = networksSection.safeParse({ own: ['10.1.2.3', { cidrs: ['2600::1', 'vpc'] }] }).error!.issues
  const said = JSON.stringify(faults).replace(/[\\"]/g, '')
  for (const text of ['for one address write 10.1.2.3/32', 'for one address write 2600::1/128', 'vpc is not a network like 10.0.0.0/8'])
    assert.ok(said.includes(text), said)
})
