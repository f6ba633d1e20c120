/** Exactly once under 200 SIGKILLs, with batches that kafkajs encodes and decodes. */
import { test } from 'node:test'
import { longKillRun, longKills } from '../support/runs/long-kill-run.ts'

test(`nothing is lost and nothing is there twice after ${longKills} kills, batches of kafkajs`, { timeout: 3_600_000 }, t =>
  longKillRun(t, false),
)
