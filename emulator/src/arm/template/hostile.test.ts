import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { functionNames } from './functions/table.ts'
import type { Json, JsonObject } from './json.ts'
import { evaluateText } from './language/evaluate.ts'
import { parse } from './language/parse.ts'
import { Pending } from './language/scope.ts'
import { prepare } from './prepare.ts'
import { openTemplate } from './template-scope.ts'
import { evaluated, place, scopeWith } from './test-place.ts'
import { TemplateViolation } from './violation.ts'

/** True where a work ends as a template may: with a value, with a refusal, or with a question to a live resource. */
function endsWell(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch (thrown) {
    if (thrown instanceof TemplateViolation || thrown instanceof Pending) return true
    throw thrown
  }
}

const literal = fc.oneof(
  fc.constantFrom("''", "'a'", "'{0,9}'", "'10.0.0.0/8'", "'PT1H'", "'2026-01-01'", "'%zz'", '\'[{"a":1}]\'', "'aGk='"),
  fc.constantFrom('0', '1', '-1', '3', '128', '2147483647', '99999999999999999999'),
  fc.constantFrom(
    "parameters('list')",
    "parameters('object')",
    "parameters('text')",
    'null()',
    'true()',
    "variables('v')",
  ),
  fc.constantFrom("lambda('x', lambdaVariables('x'))", "lambda('x', 'y', concat(lambdaVariables('x'), 'z'))"),
)

const { expression } = fc.letrec<{ expression: string; call: string }>((tie) => ({
  expression: fc.oneof({ maxDepth: 4, withCrossShrink: true }, literal, tie('call')),
  call: fc
    .tuple(
      fc.constantFrom(...functionNames(), 'nope', 'own.f', 'listKeys'),
      fc.array(tie('expression'), { maxLength: 4 }),
      fc.constantFrom('', '.a', '[0]', "['length']", '.__proto__', '.constructor'),
    )
    .map(([name, args, step]) => `${name}(${args.join(', ')})${step}`),
}))

const given: Readonly<Record<string, Json>> = {
  list: [1, 'a', [2], { a: 'b' }, null],
  object: { a: { b: 1 }, c: 'd' },
  text: 'some text',
}

describe('an expression that somebody made up', () => {
  it('ends with a value or with a refusal in the words of Azure', () => {
    fc.assert(
      fc.property(expression, (text) => endsWell(() => evaluated(text, given))),
      { numRuns: 3000 },
    )
  })

  it('is parsed or refused, whatever its letters', () => {
    const piece = fc.constantFrom(
      'concat',
      '(',
      ')',
      '[',
      ']',
      '.',
      ',',
      "'",
      "''",
      'a',
      '-',
      '1',
      ' ',
      '\\',
      '{',
      '}',
      '\n',
      '😀',
      '\0',
    )
    const soup = fc.array(piece, { maxLength: 40 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(soup, (text) => endsWell(() => parse(text))),
      { numRuns: 3000 },
    )
  })
})

const times = (count: number, text: string) => text.repeat(count)

describe('an expression that asks for too much', () => {
  it.each([
    ['nests calls', `${times(9000, 'a(')}${times(9000, ')')}`],
    ['nests calls within the limit of its length', `${times(2000, 'not(')}true()${times(2000, ')')}`],
    ['goes down without end', `parameters('object')${times(12_000, '.a')}`],
    ['is too long', `concat('${'a'.repeat(30_000)}')`],
    ['pads a text to two thousand million letters', "padLeft('a', 2147483647)"],
    ['formats to a width of a thousand million', "format('{0,1000000000}', 'a')"],
    ['makes a long range', 'range(0, 2147483647)'],
    ['goes through ranges inside ranges', "map(range(0, 9999), lambda('x', map(range(0, 9999), lambda('y', 1))))"],
    [
      'doubles in a reduction',
      "reduce(range(0, 60), 'ab', lambda('x', 'y', concat(lambdaVariables('x'), lambdaVariables('x'))))",
    ],
    [
      'doubles an array',
      "reduce(range(0, 60), createArray(1), lambda('x', 'y', concat(lambdaVariables('x'), lambdaVariables('x'))))",
    ],
    [
      'doubles what it shares',
      "reduce(range(0, 60), 'a', lambda('x', 'y', createArray(lambdaVariables('x'), lambdaVariables('x'))))",
    ],
    ['replaces letters by texts', "replace(padLeft('', 1000000, 'a'), 'a', padLeft('', 1000000, 'b'))"],
    ['reads JSON that is nested too deep', `json('${times(9000, '[')}${times(9000, ']')}')`],
    ['adds a duration that no calendar has', "dateTimeAdd('2026-01-01', 'P999999999Y')"],
  ])('is refused where it %s', (_, text) => {
    expect(() => evaluated(text, given)).toThrow(TemplateViolation)
  })

  it('is refused before it makes five hundred million digits', () => {
    expect(() => evaluated("format('{0:D500000000}', 1)")).toThrow('Unable to format to 500000000 digits.')
  })

  it('joins and intersects large arrays without comparing each with each', () => {
    const text = 'length(union(range(0, 9999), range(5000, 9999)))'
    expect(evaluated(text)).toBe(14_999)
    expect(evaluated('length(intersection(range(0, 9999), range(5000, 9999)))')).toBe(4999)
  })
})

function template(parts: JsonObject): JsonObject {
  return { $schema: 's', contentVersion: '1.0.0.0', resources: [], ...parts }
}

const vault = (more: JsonObject): JsonObject => ({
  type: 'Microsoft.KeyVault/vaults',
  apiVersion: '2023-07-01',
  name: "[concat('v', copyIndex())]",
  location: 'eastus2',
  ...more,
})

const doubled = Object.fromEntries(
  Array.from({ length: 60 }, (_, n) => [`v${n + 1}`, `[createArray(variables('v${n}'), variables('v${n}'))]`]),
)

describe('a template that asks for too much', () => {
  it.each<readonly [string, JsonObject]>([
    [
      'doubles its variables',
      { variables: { v0: 'a', ...doubled }, outputs: { o: { type: 'array', value: "[variables('v60')]" } } },
    ],
    [
      'refers to itself',
      {
        variables: { a: "[variables('b')]", b: "[variables('a')]" },
        outputs: { o: { type: 'string', value: "[variables('a')]" } },
      },
    ],
    [
      'has functions that call themselves',
      {
        functions: [
          { namespace: 'own', members: { f: { parameters: [], output: { type: 'string', value: '[own.f()]' } } } },
        ],
        outputs: { o: { type: 'string', value: '[own.f()]' } },
      },
    ],
    [
      'repeats a resource a thousand million times',
      { resources: [vault({ copy: { name: 'c', count: 1_000_000_000 } })] },
    ],
    ['repeats a resource less than no times', { resources: [vault({ copy: { name: 'c', count: -1 } })] }],
    [
      'repeats resources in resources',
      {
        resources: [
          vault({
            copy: { name: 'c', count: 800 },
            resources: [{ ...vault({ copy: { name: 'd', count: 800 } }), type: 'secrets' }],
          }),
        ],
      },
    ],
    [
      'repeats properties in properties in properties',
      {
        resources: [
          vault({
            name: 'v',
            properties: {
              copy: [
                {
                  name: 'a',
                  count: 800,
                  input: {
                    copy: [{ name: 'b', count: 800, input: { copy: [{ name: 'c', count: 800, input: 'x' }] } }],
                  },
                },
              ],
            },
          }),
        ],
      },
    ],
    [
      'declares more resources than Azure takes',
      { resources: Array.from({ length: 801 }, (_, n) => vault({ name: `v${n}` })) },
    ],
  ])('is refused where it %s', (_, parts) => {
    const whole = template(parts)
    const opened = () => {
      const { scope } = openTemplate({ template: whole, given: undefined, place, now: () => 0 })
      const outputs = (parts['outputs'] ?? {}) as JsonObject
      for (const output of Object.values(outputs)) evaluateText(String((output as JsonObject)['value']), scope)
      prepare({ template: whole, parameters: undefined, place, now: () => 0 } as unknown as Parameters<
        typeof prepare
      >[0])
    }
    expect(opened).toThrow(TemplateViolation)
  })
})

it('keeps names that objects of JavaScript have apart from names of a template', () => {
  expect(() => evaluateText("[parameters('__proto__')]", scopeWith())).toThrow(TemplateViolation)
  expect(() => evaluateText("[variables('constructor')]", scopeWith())).toThrow(TemplateViolation)
  expect(() => evaluated("createObject('a', 1).toString")).toThrow(TemplateViolation)
})
