import type { Rule } from 'eslint'

/** Refuses exports without a docstring, and docstrings that name the head of the file instead of saying something. */
export const docstringRule: Rule.RuleModule
