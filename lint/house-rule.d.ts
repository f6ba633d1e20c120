/** Types of house-rule.js. */
import type { Rule } from 'eslint'
export function refusal(path: string, specifier: string): string | undefined
export const houseRule: Rule.RuleModule
