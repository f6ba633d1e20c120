/** Lookup tables that know every address, so that what is looked up shows. */
import { noLookups, TextPool, type LookupSet } from '../../../processors/enrich/lookups/lookup-set.ts'
import { RangeBuilder } from '../../../processors/enrich/lookups/range-builder.ts'

/** All addresses are in one country, network, threat list and AWS service. */
export function everywhere(): LookupSet {
  const builder = new RangeBuilder()
  builder.add4(0, 2 ** 32 - 1, 0)
  builder.add6([0, 0, 0, 0], [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], 0)
  const table = builder.build()
  const texts = new TextPool()
  texts.idOf('XX')
  return {
    ...noLookups,
    ranges: { country: table, asn: table, aws: table, threat: table },
    texts,
    columns: { Country: [0], Asn: [64_500], AsOrg: [0], AwsService: [0], Threat: [0] },
  }
}
