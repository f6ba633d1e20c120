/** `node bench/direction.ts`: how often directions and taught addresses are wrong, over generated traffic whose truth is known. */
import { directionScenarios, forwardScenarios } from '../test/support/direction-scenarios.ts'
import { measureDirection } from '../test/support/measure-direction.ts'

const blocks = Number(process.argv[2] ?? 300)
const percent = (part: number, whole: number): string => `${whole === 0 ? '-' : ((100 * part) / whole).toFixed(1)} %`.padStart(8)

console.log(`${'direction not logged'.padEnd(52)}${'wrong'.padStart(8)} ${'unknown'.padStart(8)} ${'taught'.padStart(7)} taught wrong`)
for (const scenario of directionScenarios)
  for (const few of [false, true]) {
    const { rows, wrong, unknown, taught, taughtWrong } = measureDirection(scenario, { few, blocks })
    const name = `${scenario.name}${few ? ', few records' : ''}`
    console.log(
      `${name.padEnd(52)}${percent(wrong, rows)} ${percent(unknown, rows)} ${String(taught).padStart(7)} ${String(taughtWrong).padStart(12)}`,
    )
  }
console.log(`\n${'direction logged'.padEnd(52)}${' '.repeat(18)}${'taught'.padStart(7)} taught wrong`)
for (const scenario of forwardScenarios)
  for (const few of [false, true]) {
    const { taught, taughtWrong } = measureDirection(scenario, { few, blocks })
    const name = `${scenario.name}${few ? ', few records' : ''}`
    console.log(`${name.padEnd(52)}${' '.repeat(18)}${String(taught).padStart(7)} ${String(taughtWrong).padStart(12)}`)
  }
