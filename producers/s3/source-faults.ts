/** Settings of a source that contradict each other, and what they leave unsaid. Pure: nothing is opened. */
import { isSet, judged } from '../../runtime/partial-settings.ts'
import { settingRules, type SettingFault, type SettingRule } from '../../runtime/setting-types.ts'
import type { SourceSettings } from './settings.ts'
import { awsRegionFault } from '../../runtime/value-checks.ts'
import { flowLogPrefixFault } from './value-checks.ts'
import { folderOf } from './source-folder.ts'
import { headerOfFormat, namesBeforeDescribed } from './text/log-format.ts'

/** What all texts begin with that a pattern matches, as far as it begins with plain characters; undefined: they may begin anyhow. */
function plainStart(pattern: string): string | undefined {
  if (!pattern.startsWith('^') || /[^\\]\|/.test(pattern)) return undefined
  let text = ''
  for (let at = 1; at < pattern.length; at++) {
    const escaped = pattern[at] === '\\'
    const next = escaped ? pattern[++at] : pattern[at]
    if (next === undefined || (escaped ? /[a-z0-9]/i.test(next) : /[.*+?()[\]{}|^$]/.test(next))) break
    if (/[*?{]/.test(pattern[at + 1] ?? '')) break
    text += next
  }
  return text
}

/** Why no key of the source can match its pattern. */
function patternContradiction(settings: SourceSettings): string | undefined {
  const start = settings.keyPattern === undefined ? undefined : plainStart(settings.keyPattern)
  const folder = folderOf(settings)
  if (start === undefined || start.startsWith(folder) || folder.startsWith(start)) return undefined
  return `matches no key: it is compared with whole keys, and those of this source begin with ${folder}; write ^${folder}${settings.keyPattern!.slice(1)}`
}

/** What to write instead of a pattern that chooses an account or a region. */
function selectionInstead(pattern: string): string {
  const account = /(?:^|\D)(\d{12})(?:\D|$)/.exec(pattern)?.[1]
  if (account !== undefined) return `; to read one account alone write accounts: ["${account}"]`
  const region = /[a-z]{2,4}(?:-[a-z]+)+-\d/.exec(pattern)?.[0]
  return region === undefined ? '' : `; to read one region alone write regions: [${region}]`
}

const fault = (key: keyof SourceSettings, message: string | undefined): SettingFault[] => (message === undefined ? [] : [{ key, message }])

/** The rules, each with what it reads alone. */
export const sourceRules = settingRules<SourceSettings>(
  ...(['flowLogId', 'describeRoleArn'] as const).map(
    (key): SettingRule<SourceSettings> =>
      settings =>
        !isSet(settings, key) || namesBeforeDescribed(settings.format) !== undefined
          ? []
          : fault(key, 'has a meaning with format: describe alone'),
  ),
  ({ layout, prefix }) => (layout === 'flow-logs' ? fault('prefix', flowLogPrefixFault(prefix)) : []),
  settings => {
    if (settings.layout !== 'flow-logs' || !isSet(settings, 'keyPattern')) return []
    const instead = judged(() => selectionInstead(settings.keyPattern ?? '')) ?? ''
    return fault('keyPattern', `has a meaning with the layouts firehose and any alone${instead}`)
  },
  settings => {
    if (settings.layout !== 'flow-logs' || !isSet(settings, 'account')) return []
    const wanted = judged(() => settings.account) ?? '<account id>'
    return fault('account', `the keys of the layout flow-logs name the account; to read this one alone write accounts: ["${wanted}"]`)
  },
  settings => (settings.layout === 'flow-logs' ? [] : fault('keyPattern', patternContradiction(settings))),
  ...(['accounts', 'regions'] as const).map((key): SettingRule<SourceSettings> => settings => {
    const { layout } = settings
    if (layout === 'flow-logs' || !isSet(settings, key)) return []
    const words = `choose among them with prefix or keyPattern; one source for each account may name its ${key.slice(0, -1)}`
    return fault(key, `the keys of the layout ${layout} name none: ${words}`)
  }),
  ...(['account', 'scope'] as const).map(
    (key): SettingRule<SourceSettings> =>
      settings =>
        !isSet(settings, key) || settings.region === undefined ? [] : fault('region', awsRegionFault(settings.region)),
  ),
  settings =>
    !isSet(settings, 'bucketRegion') || isSet(settings, 'region')
      ? []
      : fault('bucketRegion', 'is for records from another region than the bucket: set region too, or write it as region'),
)

/** True if keys behind the prefix name account and region although the layout does not ask for it: those of Security Lake, and copies of `AWSLogs/`. */
const namesPlaces = ({ layout, prefix }: Pick<SourceSettings, 'layout' | 'prefix'>): boolean =>
  layout === 'any' && /(?:^|\/)(?:AWSLogs|aws\/VPC_FLOW)\//.test(`${prefix}/`)

/** Why nothing is learned from a source about who holds an address, and what to set; undefined if its keys or lines can say it. */
export function unlearnable(settings: SourceSettings): string | undefined {
  if (settings.layout === 'flow-logs' || isSet(settings, 'scope') || namesPlaces(settings)) return undefined
  const { format } = settings
  const columns =
    format === undefined
      ? undefined
      : headerOfFormat(format)
          ?.split(' ')
          .map(name => name.replaceAll('_', '-'))
  if (columns?.includes('vpc-id') === true) return undefined
  const needsAccount = !isSet(settings, 'account') && !(columns?.includes('account-id') === true && columns.includes('region'))
  const needsRegion = columns?.includes('region') !== true && !isSet(settings, 'region')
  // the region of a source that names nothing else is that of its bucket
  const missing = [...(needsAccount ? ['account'] : []), ...(needsRegion ? ['region'] : [])]
  if (missing.length === 0) return undefined
  const toSet = `set ${missing.join(' and ')} of the source (where its records are from), or scope (the id of their VPC)`
  return columns === undefined
    ? `its keys name no account and region: if its lines name no vpc-id, and not both account-id and region, the cloud map learns nothing from it; ${toSet}`
    : `its keys name no account and region, and its format has no vpc-id, and not both account-id and region: the cloud map learns nothing from it; ${toSet}`
}
