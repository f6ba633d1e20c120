/** Traits: the low-cardinality fields of a flow (protocol, action, flags ...) and the names of their values. Rows have few combinations of them. */
import { flowFields, type FlowField } from './fields.ts'

type TraitRow = Extract<(typeof flowFields)[number], { role: 'traits' }>
type TraitValue<F> = F extends { kept: { symbols: readonly (infer S)[] } } ? S : F extends { awsType: 'STRING' } ? string : number

/** Values of the traits of a row; null: absent. */
export type TraitValues = { -readonly [F in TraitRow as F['record']]: TraitValue<F> | null }
/** Name of a trait. */
export type TraitName = TraitRow['record']

/** A documented field that is a trait. */
export type TraitField = FlowField & { readonly record: TraitName }

/** All traits, in the order of the record. */
export const traitFields: readonly TraitField[] = flowFields.filter((field): field is TraitRow => field.role === 'traits')

/** No trait is known. */
export const noTraits = Object.fromEntries(traitFields.map(({ record }) => [record, null])) as unknown as TraitValues

/** What kind of value a trait has. */
export const traitKind = ({ kept, awsType }: FlowField): 'symbol' | 'number' | 'text' =>
  kept.symbols !== undefined ? 'symbol' : awsType === 'STRING' ? 'text' : 'number'

/** Largest number of a trait. */
export const mostOf = ({ kept }: FlowField): number => kept.most ?? 255

/** Names that stand in the record behind the trait that they are the name of, made by the encoder. */
export const traitNames = {
  protocol: { name: 'protocolName', doc: 'IANA keyword of the protocol in lower case' },
  tcpFlags: {
    name: 'tcpFlagNames',
    doc: 'names of the TCP flags joined by `+` in the order SYN, ACK, FIN, RST, PSH, URG; empty for 0',
  },
} as const
