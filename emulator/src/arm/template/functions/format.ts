import { type Json, textOf } from '../json.ts'
import { LARGEST } from '../language/allowance.ts'
import { TemplateViolation } from '../violation.ts'

const HOLE = /\{\{|\}\}|\{(\d+)(?:,(-?\d+))?(?::([^{}]*))?\}|[{}]/g

/**
 * Fills `{index,width:format}` in a text, as composite formatting of .NET does.
 *
 * Formats for integers: `D`, `N`, `F`, `X`, `P`, `G`, and patterns of `0`, `#` and `,`.
 */
export function composed(pattern: string, values: readonly Json[]): string {
  return pattern.replace(HOLE, (whole, index: string | undefined, width: string | undefined, format?: string) => {
    if (whole === '{{') return '{'
    if (whole === '}}') return '}'
    const value = index === undefined ? undefined : values[Number(index)]
    if (value === undefined) {
      throw new TemplateViolation(
        `Unable to format the string '${pattern}': the format is not valid, or an index is not below the number of arguments (${values.length}).`,
      )
    }
    return aligned(typeof value === 'number' && format !== undefined ? formatted(value, format) : textOf(value), width)
  })
}

function aligned(text: string, width: string | undefined): string {
  const columns = Number(width ?? 0)
  if (Math.abs(columns) > LARGEST) throw new TemplateViolation(`Unable to format to a width of ${columns}.`)
  return columns < 0 ? text.padEnd(-columns) : text.padStart(columns)
}

function formatted(value: number, format: string): string {
  const standard = /^([DNFXPG])(\d*)$/i.exec(format)
  if (standard === null) return patterned(value, format)
  const [, letter = '', digits = ''] = standard
  const count = digits === '' ? undefined : Number(digits)
  if (count !== undefined && count > LARGEST) throw new TemplateViolation(`Unable to format to ${count} digits.`)
  switch (letter.toUpperCase()) {
    case 'D':
      return signed(value, String(Math.abs(value)).padStart(count ?? 0, '0'))
    case 'N':
      return signed(value, grouped(Math.abs(value).toFixed(count ?? 2)))
    case 'F':
      return value.toFixed(count ?? 2)
    case 'P':
      return `${signed(value, grouped(Math.abs(value * 100).toFixed(count ?? 2)))} %`
    case 'X': {
      const hex = (value < 0 ? BigInt.asUintN(64, BigInt(value)) : BigInt(value)).toString(16).padStart(count ?? 0, '0')
      return letter === 'X' ? hex.toUpperCase() : hex
    }
    default:
      return String(value)
  }
}

/** A pattern such as `000` or `#,##0`; what is no part of a pattern stands for itself. */
function patterned(value: number, pattern: string): string {
  const places = /[0#][0#,]*/.exec(pattern)
  if (places === null) return pattern
  const least = [...places[0]].filter((letter) => letter === '0').length
  const digits = String(Math.abs(value)).padStart(least, '0')
  return pattern.replace(places[0], signed(value, places[0].includes(',') ? grouped(digits) : digits))
}

function signed(value: number, digits: string): string {
  return value < 0 ? `-${digits}` : digits
}

function grouped(digits: string): string {
  const [whole = '', fraction] = digits.split('.')
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  return fraction === undefined ? groups : `${groups}.${fraction}`
}
