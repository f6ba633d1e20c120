/** Types of docstring-rule.js. */
import type { Rule } from 'eslint'

/** Refuses exports without a docstring, and docstrings that tell the reader to look elsewhere in the file. */
export const docstringRule: Rule.RuleModule
