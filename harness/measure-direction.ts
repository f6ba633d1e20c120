/** Runs planted traffic through enrich and counts what is wrong. */
import { TestEnricher } from './enrich-blocks.ts'
import { plantedVpc, seeded, type DirectionScenario, type ForwardScenario, type PlantedNetwork } from './direction-scenarios.ts'

/** Counts over many blocks. */
export interface DirectionCounts {
  rows: number
  wrong: number
  unknown: number
  /** Distinct (block, interface, address) that the block taught, and those among them that are not true. */
  taught: number
  taughtWrong: number
}

const start = 1_796_004_060

const copyOf = ({ cidrs, vpcs }: PlantedNetwork) => ({ cidrs: [...cidrs], ...(vpcs === undefined ? {} : { vpcs: [...vpcs] }) })

/** Counts over `blocks` blocks of a scenario, each with a seed of its own. */
export function measureDirection(
  scenario: DirectionScenario | ForwardScenario,
  options: { few: boolean; blocks: number; seed?: number },
): DirectionCounts {
  const counts: DirectionCounts = { rows: 0, wrong: 0, unknown: 0, taught: 0, taughtWrong: 0 }
  for (let block = 0; block < options.blocks; block++) {
    const { records, holds } = scenario.plant(seeded((options.seed ?? 1) * 1_000_003 + block), options.few)
    if (records.length === 0) continue
    const networks = 'networks' in scenario ? scenario.networks : undefined
    const names = [...new Set(records.flatMap(({ values }) => Object.keys(values)))]
    const ends = networks === undefined ? [start, start + 50] : [start, start + 50, plantedVpc]
    const text = records.map(({ values }) => [...names.map(name => values[name] ?? '-'), ...ends].join(' ')).join('\n')
    const header = [...names, 'start', 'end', ...(networks === undefined ? [] : ['vpc-id'])].join(' ')
    const { rows, sightings } = new TestEnricher(networks === undefined ? {} : { networks: networks.map(copyOf) }).run(header, text, {
      origin: { accountId: '111122223333', region: 'us-east-1', slotStart: null },
    })
    counts.rows += rows.length
    rows.forEach((row, i) => {
      if (row.direction === 'unknown') counts.unknown++
      else if ((row.direction === 'egress') !== records[i]!.egress) counts.wrong++
    })
    for (const { key, value } of sightings) {
      if (value.kind === 'passed') continue
      counts.taught++
      if (!holds.has(`${value.owner.interfaceId!} ${key.ip}`)) counts.taughtWrong++
    }
  }
  return counts
}
