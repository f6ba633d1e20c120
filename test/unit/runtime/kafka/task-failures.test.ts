// A partition whose task fails again and again: it waits longer each time, and says so.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Log } from '../../../../runtime/log.ts'
import { TaskCourse, TaskFailures } from '../../../../runtime/kafka/task-failures.ts'

/** A task that took input and committed no later position. */
function standing(startedMs: number): TaskCourse {
  const course = new TaskCourse(startedMs)
  course.begin(7)
  course.busy = true
  course.committed({ offset: 7 })
  return course
}

function moving(startedMs: number): TaskCourse {
  const course = standing(startedMs)
  course.committed({ offset: 8 })
  return course
}

function idle(startedMs: number): TaskCourse {
  const course = standing(startedMs)
  course.busy = false
  return course
}

function logged(): { log: Log; lines: { level: string; text: string; failures: number; standsS?: number }[] } {
  const lines: ReturnType<typeof logged>['lines'] = []
  const write = (level: string) => (fields: { failures: number }, text: string) => void lines.push({ level, text, ...fields })
  return { log: { warn: write('warn'), error: write('error') } as unknown as Log, lines }
}

describe('a task that fails without progress', () => {
  it('waits longer each time, however long each attempt took', () => {
    const failures = new TaskFailures('clickhouse-flows', 3)
    const { log } = logged()
    const waits = Array.from({ length: 24 }, (_, i) => failures.failed(standing(i * 70_000), i * 70_000 + 61_000, new Error('x'), log))
    assert.deepEqual(waits.slice(0, 3), [1, 2, 3])
    assert.deepEqual(waits.slice(-5), [20, 40, 60, 60, 60])
  })

  it('is an error in the log and not ready from the fifth time on', () => {
    const failures = new TaskFailures('clickhouse-flows', 3)
    const { log, lines } = logged()
    for (let i = 0; i < 5; i++) {
      assert.equal(failures.isStuck(standing(i * 70_000), i * 70_000), false)
      failures.failed(standing(i * 70_000), i * 70_000 + 61_000, new Error('x'), log)
    }
    assert.deepEqual(
      lines.map(({ level, failures: count }) => `${level} ${count}`),
      ['warn 1', 'warn 2', 'warn 3', 'warn 4', 'error 5'],
    )
    assert.match(lines.at(-1)!.text, /^partition makes no progress/)
    assert.equal(lines.at(-1)!.standsS, 341)
    assert.equal(failures.isStuck(standing(400_000), 460_000), true)
    assert.equal(failures.isStuck(moving(400_000), 400_001), false)
  })

  it('is stuck too if it fails in its tick: with input that it took before, or with work that only time brings', async () => {
    const withInput = (startedMs: number): TaskCourse => Object.assign(idle(startedMs), { hasInput: true })
    const inTick = async (course: TaskCourse): Promise<TaskCourse> => {
      await assert.rejects(course.tick({ tick: () => Promise.reject(new Error('the commit failed')) }), /the commit failed/)
      return course
    }
    const [failed, neverEnds] = [await inTick(idle(0)), idle(0)]
    void neverEnds.tick({ tick: () => new Promise(() => undefined) })
    const late = (course: TaskCourse) => (startedMs: number) => Object.assign(course, { startedMs })
    for (const course of [withInput, late(failed), late(neverEnds)]) {
      const failures = new TaskFailures('enrich', 3)
      const { log, lines } = logged()
      // each commit is tried for longer than a task without work needs to be sound
      for (let i = 0; i < 6; i++) {
        failures.watch(course(i * 70_000), i * 70_000 + 35_000)
        assert.equal(failures.failed(course(i * 70_000), i * 70_000 + 40_000, new Error('x'), log), i + 1)
      }
      assert.equal(lines.at(-1)!.level, 'error')
      assert.equal(failures.isStuck(course(420_000), 460_000), true)
    }
  })

  it('counts anew once a task got on, or had nothing to do for half a minute', () => {
    for (const course of [moving(10), idle(10)]) {
      const failures = new TaskFailures('clickhouse-flows', 3)
      const { log } = logged()
      for (let i = 0; i < 7; i++) failures.failed(standing(0), 1, new Error('x'), log)
      assert.equal(failures.failed(course, 40_000, new Error('x'), log), 1)
      for (let i = 0; i < 7; i++) failures.failed(standing(0), 1, new Error('x'), log)
      failures.watch(course, 40_000)
      assert.equal(failures.isStuck(standing(0), 1), false)
    }
  })
})
