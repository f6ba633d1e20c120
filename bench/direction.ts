/** `node bench/direction.ts`: how often directions and taught addresses are wrong, over generated traffic whose truth is known. */
import { directionScenarios, forwardScenarios, networkScenarios, type DirectionScenario } from '../harness/direction-scenarios.ts'
import { measureDirection } from '../harness/measure-direction.ts'

const blocks = Number(process.argv[2] ?? 300)
const percent = (part: number, whole: number): string => `${whole === 0 ? '-' : ((100 * part) / whole).toFixed(1)} %`.padStart(8)

function printDirections(title: string, scenarios: readonly DirectionScenario[]): void {
  console.log(`${title.padEnd(52)}${'wrong'.padStart(8)} ${'unknown'.padStart(8)} ${'taught'.padStart(7)} taught wrong`)
  for (const scenario of scenarios)
    for (const few of [false, true]) {
      const { rows, wrong, unknown, taught, taughtWrong } = measureDirection(scenario, { few, blocks })
      const name = `${scenario.name}${few ? ', few records' : ''}`
      console.log(
        `${name.padEnd(52)}${percent(wrong, rows)} ${percent(unknown, rows)} ${String(taught).padStart(7)} ${String(taughtWrong).padStart(12)}`,
      )
    }
}

printDirections('direction not logged', directionScenarios)
console.log()
printDirections('direction not logged, with networks.own', networkScenarios)
console.log(`\n${'direction logged'.padEnd(52)}${' '.repeat(18)}${'taught'.padStart(7)} taught wrong`)
for (const scenario of forwardScenarios)
  for (const few of [false, true]) {
    const { taught, taughtWrong } = measureDirection(scenario, { few, blocks })
    const name = `${scenario.name}${few ? ', few records' : ''}`
    console.log(`${name.padEnd(52)}${' '.repeat(18)}${String(taught).padStart(7)} ${String(taughtWrong).padStart(12)}`)
  }
