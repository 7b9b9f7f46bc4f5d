import { randomUUID } from 'node:crypto'
import { FAULT_KINDS, type Fault, type FaultKind, type Field, NARROWINGS } from './faults-kinds.ts'

type Given = Readonly<Record<string, unknown>>
type Fields = Readonly<Record<string, Field & { readonly optional?: true }>>

/**
 * Reads a fault by the table of kinds: left-out fields are filled in, a fault that is counted gets an id.
 * Fields named in `besides` are somebody else's.
 *
 * @throws Error with the sentence that says what is wrong
 */
export function readFault(given: Given, besides: readonly string[]): Fault {
  const is = kindOf(given['is'], besides)
  const { fields, narrows = true }: { readonly fields: Fields; readonly narrows?: boolean } = FAULT_KINDS[is]
  const narrowings: Fields = narrows ? optional(NARROWINGS) : {}
  const known = { ...fields, ...narrowings }
  for (const name of Object.keys(given)) {
    if (name === 'is' || name === 'id' || besides.includes(name) || name in known) continue
    throw new Error(wrongField(is, name, Object.keys(known)))
  }
  const read = Object.entries(known).flatMap(([name, field]) => {
    // What narrows to all of something narrows nothing.
    const value = name === 'plane' && given[name] === 'all' ? undefined : given[name]
    const got = fieldValue(name, field, value)
    return got === undefined ? [] : [[name, got] as const]
  })
  const values: Given = Object.fromEntries(read)
  if (values['seed'] !== undefined && values['chance'] === undefined)
    throw new Error('`seed` is given without `chance`.')
  const counted = values['times'] !== undefined || values['chance'] !== undefined
  const id = typeof given['id'] === 'string' ? given['id'] : randomUUID()
  return { is, ...values, ...(counted ? { id } : {}) } as Fault
}

function kindOf(is: unknown, besides: readonly string[]): FaultKind {
  if (typeof is === 'string' && Object.hasOwn(FAULT_KINDS, is)) return is as FaultKind
  const kinds = [...Object.keys(FAULT_KINDS), ...(besides.includes('at') ? ['cut'] : [])]
  throw new Error(`\`is\` is ${JSON.stringify(is)} and must be one of ${kinds.join(', ')}.`)
}

function wrongField(is: FaultKind, name: string, known: readonly string[]): string {
  if (name in NARROWINGS) return `\`${is}\` is a state of the whole place and cannot be narrowed by \`${name}\`.`
  return `\`${name}\` is no field of \`${is}\`; it takes ${known.join(', ')}.`
}

function optional(fields: Readonly<Record<string, Field>>): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, { ...field, optional: true }]))
}

function fieldValue(name: string, field: Fields[string], value: unknown): unknown {
  if (value === undefined && (field.otherwise !== undefined || field.optional === true)) return field.otherwise
  const said = `\`${name}\` is ${JSON.stringify(value)}`
  if (field.is === 'number') {
    const { least, most, whole = false } = field
    if (typeof value === 'number' && value >= least && value <= most && (!whole || Number.isInteger(value)))
      return value
    throw new Error(`${said} and must be a ${whole ? 'whole ' : ''}number from ${least} to ${most}.`)
  }
  // A file may hold a status as a number.
  const text = typeof value === 'number' ? String(value) : value
  if (field.is === 'choice') {
    if (typeof text === 'string' && field.of.includes(text)) return text
    throw new Error(`${said} and must be one of ${field.of.join(', ')}.`)
  }
  if (typeof text === 'string' && text !== '') return text
  throw new Error(`${said} and must be a text.`)
}
