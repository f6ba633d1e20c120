/** Types of house-rule.js. */
import type { Rule } from 'eslint'

/** Why a file may not import something; undefined if it may. */
export function refusal(path: string, specifier: string): string | undefined
/** Refuses imports that the table does not allow, and clocks, environment and chance in pure files. */
export const houseRule: Rule.RuleModule
