/** One page of metrics made of the pages of several processes: each sample says in the label `process` whose it is. */

/** The page of one process, as Prometheus reads it. */
export interface ProcessPage {
  readonly process: string
  readonly text: string
}

/** Lines about one metric. */
interface Family {
  readonly head: string[]
  readonly samples: string[]
}

const labelled = (line: string, process: string): string => {
  const end = line.search(/[{ ]/)
  return line[end] === '{'
    ? `${line.slice(0, end)}{process="${process}",${line.slice(end + 1)}`
    : `${line.slice(0, end)}{process="${process}"}${line.slice(end)}`
}

/** Joins pages: a metric has its head once, with the samples of all processes behind it. */
export function joinPages(pages: readonly ProcessPage[]): string {
  const families = new Map<string, Family>()
  for (const { process, text } of pages) {
    let family: Family | undefined
    for (const line of text.split('\n')) {
      const [, kind, name] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? []
      if (name !== undefined) {
        family = families.get(name)
        if (family === undefined) families.set(name, (family = { head: [], samples: [] }))
        if (!family.head.some(known => known.startsWith(`# ${kind!} `))) family.head.push(line)
      } else if (line !== '' && !line.startsWith('#')) family?.samples.push(labelled(line, process))
    }
  }
  return [...families.values()].flatMap(({ head, samples }) => [...head, ...samples, '']).join('\n')
}
