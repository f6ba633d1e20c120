/** The settings in force, for people: secrets are hidden. */
import { withoutPassword } from '../runtime/errors.ts'
import { isSecret, listSettings, type Config } from './config.ts'

/** The configuration with secrets replaced. */
export function printable(config: Config): Record<string, unknown> {
  const secrets = new Set(
    listSettings()
      .filter(isSecret)
      .map(({ section, key }) => `${section}.${key}`),
  )
  return Object.fromEntries(
    Object.entries(config).map(([section, values]) => [
      section,
      Object.fromEntries(
        Object.entries(values).map(([key, value]) => [
          key,
          secrets.has(`${section}.${key}`) ? '(hidden)' : typeof value === 'string' ? withoutPassword(value) : (value as unknown),
        ]),
      ),
    ]),
  )
}
