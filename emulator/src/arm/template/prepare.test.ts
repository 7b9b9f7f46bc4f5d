import { describe, expect, it } from 'vitest'
import type { Json, JsonObject } from './json.ts'
import type { Question } from './language/scope.ts'
import { bodyOf } from './nested.ts'
import { outputsOf, type Prepared, prepare, scopeOf } from './prepare.ts'
import { place } from './test-place.ts'

const GROUP = place.id

function prepared(template: JsonObject, parameters?: Json): Prepared {
  return prepare({ template, parameters, place, now: () => Date.parse('2026-01-02T03:04:05Z') })
}

function storage(name: string, more: JsonObject = {}): JsonObject {
  return { type: 'Microsoft.Storage/storageAccounts', apiVersion: '2023-01-01', name, ...more }
}

/** Bodies of everything that is deployed, by name; live resources answer with `answer`. */
function bodies(ready: Prepared, answer: (question: Question) => Json = () => ({})): Record<string, JsonObject> {
  const scope = ready.scope(answer)
  const deployed = ready.resources.filter(({ condition }) => condition)
  return Object.fromEntries(deployed.map((resource) => [resource.name, bodyOf(resource, scopeOf(resource, scope))]))
}

/** By name of a resource: names of those it waits for. */
function order(ready: Prepared): Record<string, string[]> {
  const nameOf = (index: number) => ready.resources[index]?.name ?? ''
  return Object.fromEntries(ready.waits.map((needed, index) => [nameOf(index), needed.map(nameOf)]))
}

describe('parameters', () => {
  const declared = {
    parameters: {
      size: { type: 'int', defaultValue: 2, minValue: 1, maxValue: 4 },
      name: { type: 'string', allowedValues: ['one', 'two'] },
      label: { type: 'string', defaultValue: "[concat(parameters('name'), '-', parameters('size'))]" },
      secret: { type: 'secureString', defaultValue: 'x' },
      made: { type: 'string', defaultValue: "[utcNow('yyyy')]" },
    },
    resources: [],
  }

  it('take defaults that are made of other parameters, and never show what is secure', () => {
    expect(prepared(declared, { NAME: { value: 'Two' }, size: { value: null } }).parameters).toEqual({
      size: { type: 'Int', value: 2 },
      name: { type: 'String', value: 'Two' },
      label: { type: 'String', value: 'Two-2' },
      secret: { type: 'SecureString' },
      made: { type: 'String', value: '2026' },
    })
  })

  it.each([
    [{}, "The value for the template parameter 'name' is not provided."],
    [{ name: { value: 'three' } }, "The value 'three' is not part of the allowed value(s): 'one,two'."],
    [{ name: { value: 'one' }, size: { value: 5 } }, "must be at most '4'"],
    [{ name: { value: 'one' }, size: { value: '2' } }, "Expected 'Integer'. Actual 'String'."],
    [
      { name: { value: 'one' }, other: { value: 1 } },
      "The template parameters 'other' in the parameters file are not valid",
    ],
  ])('given as %j are refused', (given, words) => {
    expect(() => prepared(declared, given)).toThrow(words)
  })

  it('may have a type that the template defines, and be null where that is allowed', () => {
    const template = {
      definitions: { short: { type: 'string', maxLength: 3 } },
      parameters: { a: { $ref: '#/definitions/short' }, b: { type: 'object', nullable: true } },
      resources: [],
    }
    expect(prepared(template, { a: { value: 'abc' } }).parameters).toEqual({
      a: { type: 'String', value: 'abc' },
      b: { type: 'Object', value: null },
    })
    expect(() => prepared(template, { a: { value: 'abcd' } })).toThrow("must be at most '3'")
  })

  it('need no type since version 2.0 of the language, and show that of their value', () => {
    const template = { languageVersion: '2.0', parameters: { any: { nullable: true } }, resources: {} }
    const shown = [{ any: { value: [1] } }, { any: { value: 'x' } }].map(
      (given) => prepared(template, given).parameters,
    )
    expect(shown).toEqual([{ any: { type: 'Array', value: [1] } }, { any: { type: 'String', value: 'x' } }])
    const { languageVersion: _, ...old } = template
    expect(() => prepared(old)).toThrow('has no valid type')
  })
})

describe('loops', () => {
  it('make one resource for each pass, with properties that loop too', () => {
    const ready = prepared({
      variables: { copy: [{ name: 'letters', count: 2, input: "[concat('v', copyIndex('letters'))]" }] },
      resources: [
        storage("[concat('s', copyIndex(1))]", {
          copy: { name: 'all', count: 2 },
          properties: {
            letter: "[variables('letters')[copyIndex()]]",
            copy: [{ name: 'disks', count: 2, input: { lun: "[copyIndex('disks')]", of: "[copyIndex('all')]" } }],
          },
        }),
      ],
    })
    expect(bodies(ready)).toEqual({
      s1: {
        properties: {
          letter: 'v0',
          disks: [
            { lun: 0, of: 0 },
            { lun: 1, of: 0 },
          ],
        },
      },
      s2: {
        properties: {
          letter: 'v1',
          disks: [
            { lun: 0, of: 1 },
            { lun: 1, of: 1 },
          ],
        },
      },
    })
  })

  it('in series wait for the batch before; a name of a loop stands for all its passes', () => {
    const ready = prepared({
      resources: [
        storage("[concat('s', copyIndex())]", { copy: { name: 'loop', count: 4, mode: 'serial', batchSize: 2 } }),
        storage('last', { dependsOn: ['loop'] }),
      ],
    })
    expect(order(ready)).toEqual({ s0: [], s1: [], s2: ['s0', 's1'], s3: ['s0', 's1'], last: ['s0', 's1', 's2', 's3'] })
  })

  it('may have no passes, and may be waited for all the same', () => {
    const none = storage('x', { copy: { name: 'none', count: 0 } })
    expect(order(prepared({ resources: [none, storage('y', { dependsOn: ['none'] })] }))).toEqual({ y: [] })
  })
})

describe('resources', () => {
  it('wait for each other by id, type with name, and name', () => {
    const ready = prepared({
      resources: [
        storage('a'),
        storage('b', { dependsOn: ["[resourceId('Microsoft.Storage/storageAccounts', 'A')]"] }),
        storage('c', { dependsOn: ['Microsoft.Storage/storageAccounts/b'] }),
        storage('d', { dependsOn: ['c'] }),
      ],
    })
    expect(order(ready)).toEqual({ a: [], b: ['a'], c: ['b'], d: ['c'] })
  })

  it('wait for a child that is named by the last part of its name alone', () => {
    const child = (name: string, dependsOn: string[]) => ({
      type: 'blobServices/containers',
      apiVersion: '1',
      name,
      dependsOn,
    })
    const inside = [child('default/a', ['x']), child('default/b', ['x', 'a'])]

    const ready = prepared({ resources: [storage('x', { resources: inside })] })

    expect(order(ready)).toEqual({ x: [], 'x/default/a': ['x'], 'x/default/b': ['x', 'x/default/a'] })
  })

  it('wait for what they reference by name, and not for what they reference by id with a version', () => {
    const byId = "[reference(resourceId('Microsoft.Storage/storageAccounts', 'a'), '2023-01-01').x]"
    const ready = prepared({
      resources: [
        storage('byName', { properties: { x: "[reference('a').x]" } }),
        storage('byId', { properties: { x: byId } }),
        storage('keys', { properties: { x: "[listKeys('a', '2023-01-01').keys[0].value]" } }),
        storage('a'),
      ],
    })
    expect(order(ready)).toEqual({ byName: ['a'], byId: [], keys: ['a'], a: [] })
  })

  it('whose condition is false are not deployed, waited for or evaluated', () => {
    const ready = prepared({
      parameters: { wanted: { type: 'bool', defaultValue: false } },
      resources: [
        storage('off', {
          condition: "[parameters('wanted')]",
          properties: { bad: "[json('{')]" },
          dependsOn: ['nowhere'],
        }),
        storage('off', { condition: "[not(parameters('wanted'))]", dependsOn: [] }),
        storage('on', { dependsOn: ["[resourceId('Microsoft.Storage/storageAccounts', 'off')]"] }),
      ],
    })
    expect(ready.resources.map(({ condition }) => condition)).toEqual([false, true, true])
  })

  it('whose condition is false may say where they would go in words that cannot be evaluated', () => {
    const nowhere = {
      type: 'Microsoft.Resources/deployments',
      apiVersion: '2022-09-01',
      name: 'off',
      condition: "[not(equals(parameters('key'), null()))]",
      subscriptionId: "[split(tryGet(parameters('key'), 'id'), '/')[2]]",
      properties: { mode: 'Incremental', template: { resources: [] } },
    }
    const template = {
      parameters: { key: { type: 'object', nullable: true } },
      languageVersion: '2.0',
      resources: { off: nowhere, vault: { ...storage("[parameters('key').id]"), existing: true } },
    }
    expect(prepared(template).resources.map(({ id }) => id)).toEqual(['', ''])
  })

  it('of another provider may be written inside one, and stand beside it', () => {
    const inside = {
      type: 'Microsoft.OperationsManagement/solutions',
      apiVersion: '1',
      name: 'Security(a)',
      dependsOn: ['a'],
    }

    const { resources } = prepared({ resources: [storage('a', { resources: [inside] })] })

    expect(resources.map(({ type, name }) => [type, name])).toEqual([
      ['Microsoft.Storage/storageAccounts', 'a'],
      ['Microsoft.OperationsManagement/solutions', 'Security(a)'],
    ])
  })

  it('stand inside others with the type and name of those, and hang on what their scope names', () => {
    const ready = prepared({
      resources: [
        storage('a', {
          resources: [
            { type: 'blobServices', apiVersion: '1', name: 'default', dependsOn: ['a'] },
            { type: 'Microsoft.Storage/storageAccounts/fileServices', apiVersion: '1', name: 'a/default' },
          ],
        }),
        {
          type: 'Microsoft.Authorization/locks',
          apiVersion: '1',
          name: 'l',
          scope: 'Microsoft.Storage/storageAccounts/a',
        },
        { type: 'Microsoft.Authorization/locks', apiVersion: '1', name: 'm', scope: '[subscription().id]' },
      ],
    })
    const account = `${GROUP}/providers/Microsoft.Storage/storageAccounts/a`
    expect(ready.resources.map(({ id }) => id)).toEqual([
      account,
      `${account}/blobServices/default`,
      `${account}/fileServices/default`,
      `${account}/providers/Microsoft.Authorization/locks/l`,
      '/subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.Authorization/locks/m',
    ])
  })

  it('may be named by symbols, be only read, and tell of themselves', () => {
    const ready = prepared({
      languageVersion: '2.0',
      resources: {
        vault: { existing: true, type: 'Microsoft.KeyVault/vaults', apiVersion: '2023-07-01', name: 'v' },
        many: storage("[format('s{0}', copyIndex())]", { copy: { name: 'many', count: 2 } }),
        one: storage('one', {
          dependsOn: ['many[1]'],
          properties: { id: "[resourceInfo('vault').id]", uri: "[reference('vault').vaultUri]" },
        }),
      },
    })
    expect(order(ready)).toEqual({ v: [], s0: [], s1: [], one: ['s1'] })
    const asked: Question[] = []
    const all = bodies(ready, (question) => {
      asked.push(question)
      return { vaultUri: 'u' }
    })
    expect(all['one']).toEqual({ properties: { id: `${GROUP}/providers/Microsoft.KeyVault/vaults/v`, uri: 'u' } })
    expect(asked).toEqual([{ ask: 'reference', target: 'vault', full: false }])
  })
})

describe('nested deployments', () => {
  const nested = (more: JsonObject): JsonObject => ({
    type: 'Microsoft.Resources/deployments',
    apiVersion: '2021-04-01',
    name: 'inside',
    resourceGroup: 'other',
    properties: {
      mode: 'Incremental',
      parameters: { who: { value: "[parameters('who')]" } },
      template: {
        parameters: { who: { type: 'string' } },
        resources: [storage("[parameters('who')]", { tags: { text: "[concat('[', parameters('who'), ']')]" } })],
      },
      ...more,
    },
  })
  const parameters = { who: { type: 'string', defaultValue: 'outer' } }

  it('keep their expressions where their scope is inner', () => {
    const inner = nested({ expressionEvaluationOptions: { scope: 'inner' } })
    const body = bodies(prepared({ parameters, resources: [inner] }))['inside']
    expect(body).toMatchObject({
      properties: {
        parameters: { who: { value: 'outer' } },
        template: { resources: [{ name: "[parameters('who')]" }] },
      },
    })
  })

  it('are read at the request of the outermost deployment', () => {
    const template = { resources: [storage("[parameters('what')]")] }
    const inner = nested({ expressionEvaluationOptions: { scope: 'inner' }, template })
    expect(() => prepared({ parameters, resources: [inner] })).toThrow(
      expect.objectContaining({ path: 'resources[0].properties.template.resources[0].name' }),
    )
  })

  it('have their expressions replaced where their scope is the template around them', () => {
    const ready = prepared({ parameters, resources: [nested({})] })
    expect(bodies(ready)['inside']).toMatchObject({
      properties: { template: { resources: [{ name: 'outer', tags: { text: '[[outer]' } }] } },
    })
    expect(ready.resources[0]?.id).toBe(
      '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/other/providers/Microsoft.Resources/deployments/inside',
    )
  })

  it('stay in the group of the one around them where they name none', () => {
    const ready = prepared({ parameters, resources: [{ ...nested({}), resourceGroup: '', subscriptionId: '' }] })
    const [around] = prepared({ resources: [storage('beside')] }).resources
    const groupOf = (id = '') => id.split('/providers/')[0]
    expect(groupOf(ready.resources[0]?.id)).toBe(groupOf(around?.id))
  })
})

describe('a template is refused before anything is created', () => {
  const refusals: readonly (readonly [string, JsonObject, string])[] = [
    [
      'a ring of dependencies',
      { resources: [storage('a', { dependsOn: ['b'] }), storage('b', { dependsOn: ['a'] })] },
      'Circular dependency detected on resource',
    ],
    [
      'a dependency on nothing',
      { resources: [storage('a', { dependsOn: ['b'] })] },
      "The resource 'b' is not defined in the template.",
    ],
    [
      'an undeclared parameter',
      { resources: [storage('a', { tags: { x: "[if(false(), parameters('no'), '')]" } })] },
      "The template parameter 'no' is not found.",
    ],
    [
      'an undeclared variable',
      { resources: [], outputs: { o: { type: 'string', value: "[variables('no')]" } } },
      "The template variable 'no' is not found.",
    ],
    ['an unknown function', { resources: [storage("[nameOf('a')]")] }, "The template function 'nameOf' is not valid."],
    ['a bad expression', { resources: [storage("[concat('a']")] }, "expected token 'RightParenthesis'"],
    [
      'a value that cannot be',
      { resources: [storage('a', { properties: { x: "[json('{')]" } })] },
      "'json' cannot read its parameter as JSON",
    ],
    ['a name of wrong length', { resources: [storage('a/b')] }, 'has incorrect segment lengths'],
    [
      'a missing version',
      { resources: [{ type: 'Microsoft.Storage/storageAccounts', name: 'a' }] },
      "has no 'apiVersion' specified",
    ],
    ['the same resource twice', { resources: [storage('a'), storage('A')] }, 'is defined multiple times in a template'],
    [
      'a live resource in a name',
      { resources: [storage("[reference('b').x]")] },
      "The template function 'reference' is not expected at this location.",
    ],
    [
      'a variable that needs itself',
      { variables: { a: "[variables('a')]" }, resources: [storage("[variables('a')]")] },
      "The template variable 'a' refers to itself.",
    ],
    [
      'too many passes',
      { resources: [storage('a', { copy: { name: 'c', count: 801 } })] },
      'The copy count must be an integer between 0 and 800',
    ],
  ]

  it.each(refusals)('for %s', (_what, template, words) => {
    expect(() => prepared(template)).toThrow(words)
  })

  it('and the violation says where', () => {
    const template = { resources: [storage('a'), storage('b', { tags: { x: "[concat('a']" } })] }
    expect(() => prepared(template)).toThrow(expect.objectContaining({ path: 'resources[1].tags.x' }))
  })
})

describe('outputs', () => {
  it('are evaluated with live resources, shown by type, and left out where their condition is false', () => {
    const ready = prepared({
      resources: [storage('a')],
      outputs: {
        place: { type: 'string', value: "[reference('a').place]" },
        key: { type: 'securestring', value: 'k' },
        off: { condition: false, type: 'string', value: 'x' },
        many: { type: 'array', copy: { count: 2, input: '[copyIndex()]' } },
      },
    })
    const scope = ready.scope(() => ({ place: 'here' }))
    expect(outputsOf(ready, scope)).toEqual({
      place: { type: 'String', value: 'here' },
      key: { type: 'SecureString' },
      many: { type: 'Array', value: [0, 1] },
    })
  })
})

describe('functions of the template', () => {
  it('see their own parameters', () => {
    const template = {
      functions: [
        {
          namespace: 'own',
          members: {
            name: {
              parameters: [{ name: 'stem', type: 'string' }],
              output: { type: 'string', value: "[toLower(concat(parameters('stem'), 'X'))]" },
            },
          },
        },
      ],
      resources: [storage("[own.name('S')]")],
    }
    expect(prepared(template).resources.map(({ name }) => name)).toEqual(['sx'])
  })
})
