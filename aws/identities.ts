/** Account ids and ARNs of roles. */
import { quoted, type ValueCheck } from '../runtime/value-checks.ts'

/** Account id. */
export const accountFault: ValueCheck = value => {
  if (/^\d{12}$/.test(value)) return undefined
  const digits = /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(value)?.[1] ?? value.replace(/[\s-]/g, '')
  return `an account id has 12 digits${/^\d{12}$/.test(digits) ? `: write ${quoted(digits)}` : ', leading zeros too, in quotes: "012345678901"'}`
}

/** ARN of a role to assume. */
export const roleArnFault: ValueCheck = value =>
  /^arn:[^:]+:iam::(?:\d{12}|\{account\}):role\/.+$/.test(value)
    ? undefined
    : 'not the ARN of a role: write arn:aws:iam::<account id>:role/<name>'
