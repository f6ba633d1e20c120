/** Every error of the local stack: the code and the line that tells what to do; `{name}` is replaced by a detail. */
export const stackErrors = {
  NODE_TOO_OLD:
    'Node {found} is too old for the local stack, which needs 22.18 or newer; start it through npm (`npm run stack`): that uses the Node 24 among the dependencies',
  JAVA_MISSING: 'no Java found ({command}); install a JDK 17 or newer and put it on the PATH, or set JAVA_HOME',
  JAVA_TOO_OLD: 'Java {found} at {command} is too old: the broker needs 17 or newer; install a newer JDK or set JAVA_HOME to it',
  MAVEN_MISSING: 'no Maven found (mvn), which fetches the broker and the registry once; install it and put it on the PATH',
  MAVEN_FAILED:
    'Maven, which fetches the broker and the registry once, is there but does not start; fix it (its permissions, JAVA_HOME), then start again: {detail}',
  PACKAGE_MISSING:
    'the npm package {name} is not installed, which the local stack needs; run `npm ci` without --omit=dev and without --omit=optional',
  DISK_FULL:
    'only {freeGiB} GiB are free at {folder}, and the local stack needs {needGiB} GiB; free some space or choose another folder with --data-dir or STACK_DATA_DIR',
  DISK_WRITE_FULL: 'the disk of {folder} is full; free some space or choose another folder with --data-dir or STACK_DATA_DIR',
  FOLDER_UNUSABLE:
    'cannot use the folder {folder} ({detail}); choose another one with --data-dir or STACK_DATA_DIR, or fix its permissions',
  PORT_IN_USE: 'port {port} of {service} is in use by another program; end that program, or choose another port with {flag} or {env}',
  INSTALL_FAILED: 'Maven could not fetch the broker and the registry; look at the end of its output, then start again:\n{detail}',
  STACK_RUNNING: 'a stack already runs in {dataDir} (pid {pid}); use it, or end it with `{stop}`',
  DATA_INCOMPLETE: 'the data in {dataDir} belongs together, but {missing} is missing; wipe all of it with `{reset}`',
  START_FAILED: '{service} ended while starting ({outcome}); the last lines of {log}:\n{detail}',
  START_TIMEOUT: '{service} did not answer within {seconds} s; the last lines of {log}:\n{detail}',
  TOOL_FAILED: '{tool} failed ({outcome}):\n{detail}',
  USAGE: '{detail}; see `npm run stack -- --help`',
} as const

/** Code of an error of the local stack. */
export type StackErrorCode = keyof typeof stackErrors

/** An error of the local stack, made for the eye of its user: commands print the message alone, without a stack trace. */
export class StackError extends Error {
  readonly code: StackErrorCode

  constructor(code: StackErrorCode, details: Record<string, string | number> = {}, options?: { cause?: unknown }) {
    super(
      stackErrors[code].replace(/\{(\w+)\}/g, (_whole, name: string) => String(details[name] ?? `{${name}}`)),
      options,
    )
    this.name = 'StackError'
    this.code = code
  }
}

/**
 * Makes one error of several: the code of the first, the messages of all, one a line.
 *
 * @param errors At least one.
 */
export function joinErrors(errors: readonly [StackError, ...StackError[]]): StackError {
  const [first] = errors
  if (errors.length > 1) first.message = errors.map(error => error.message).join('\n')
  return first
}
