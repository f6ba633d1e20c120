// Planted traffic: what the log does not say is never inferred wrongly for private networks, and never taught wrongly anywhere.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { directionScenarios, forwardScenarios, networkScenarios } from '../../harness/direction-scenarios.ts'
import { measureDirection } from '../../harness/measure-direction.ts'

const blocks = Number(process.env['FLOWLOOM_TEST_RUNS'] ?? 25)

void describe('directions that are not logged', () => {
  for (const scenario of directionScenarios)
    for (const few of [false, true])
      it(`${scenario.name}${few ? ', few records' : ''}: nothing taught wrong${scenario.neverWrong ? ', no direction wrong' : ''}`, () => {
        const { rows, wrong, taughtWrong } = measureDirection(scenario, { few, blocks })
        assert.ok(rows > 0)
        assert.equal(taughtWrong, 0)
        if (scenario.neverWrong) assert.equal(wrong, 0)
      })

  void it('teaches what it knows: an interface with a private address and peers in the internet', () => {
    const { taught } = measureDirection(directionScenarios[0]!, { few: false, blocks })
    assert.ok(taught >= blocks)
  })
})

void describe('directions with own networks that are given without their VPCs, and peered VPCs', () => {
  for (const scenario of networkScenarios)
    for (const few of scenario.incomplete === true ? [false] : [false, true])
      it(`${scenario.name}${few ? ', few records' : ''}: nothing taught wrong, no direction wrong`, () => {
        const { rows, wrong, taughtWrong } = measureDirection(scenario, { few, blocks })
        assert.ok(rows > 0)
        assert.deepEqual({ wrong, taughtWrong }, { wrong: 0, taughtWrong: 0 })
      })
})

void describe('packet addresses behind an interface', () => {
  for (const scenario of forwardScenarios)
    it(`${scenario.name}: nothing taught wrong where a block has whole conversations`, () => {
      const { taught, taughtWrong } = measureDirection(scenario, { few: false, blocks })
      assert.ok(taught > 0)
      assert.equal(taughtWrong, 0)
    })
})
