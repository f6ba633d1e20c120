/** What the demo puts into its bucket: the golden logs (examples/logs, with their source) and generated ones. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { ownFile } from '../../runtime/own-files.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'

/** An object to put. */
export interface DemoObject {
  readonly key: string
  readonly body: Buffer
}

const goldenRoot = ownFile('../../examples/logs', import.meta.url)

/** Account and region of each golden case: its object key must name them. */
const golden: Readonly<Record<string, { account: string; region: string }>> = {
  'aws-examples': { account: '123456789010', region: 'us-east-1' },
  'flocon-2024': { account: '904652123456', region: 'us-east-1' },
  'nat-gateway-v5': { account: '123456789010', region: 'us-east-1' },
}

/** Compact UTC time of an object name: 20261124T1205Z. */
const slotName = (slotS: number): string => `${new Date(slotS * 1000).toISOString().slice(0, 16).replace(/[-:]/g, '')}Z`

/**
 * The golden logs as objects.
 *
 * @param slotS Unix seconds of the slot in their names. Their records keep their own, older times.
 */
export function goldenObjects(slotS: number): DemoObject[] {
  const day = new Date(slotS * 1000).toISOString().slice(0, 10).replaceAll('-', '/')
  return Object.entries(golden).flatMap(([folder, { account, region }]) =>
    readdirSync(join(goldenRoot, folder))
      .filter(name => name.endsWith('.log'))
      .map((name, i) => ({
        key: `AWSLogs/${account}/vpcflowlogs/${region}/${day}/${account}_vpcflowlogs_${region}_fl-0${folder.length.toString(16)}${i}0000000000000_${slotName(slotS)}_${name.slice(0, -4)}.log.gz`,
        body: gzipSync(readFileSync(join(goldenRoot, folder, name))),
      })),
  )
}

/**
 * Everything the demo puts, as it is generated.
 *
 * @param nowS Unix seconds; the generated flows end shortly before.
 * @param records Generated records.
 */
export function* demoObjects(nowS: number, records: number): Generator<DemoObject> {
  const slotS = Math.floor(nowS / 300) * 300 - 300
  yield* goldenObjects(slotS)
  yield* generateObjects({ seed: 2026, records, startS: slotS - 2 * 3600, badLineShare: 0.0005 })
}
