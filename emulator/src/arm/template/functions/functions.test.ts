import { describe, expect, it } from 'vitest'
import type { Json } from '../json.ts'
import { evaluated, place } from '../test-place.ts'
import { formatDate, plusDuration } from './dates.ts'

const GROUP = place.id

/** The examples of the reference of template functions, and vectors of Microsoft's own tests of its other tools. */
const EXAMPLES: Readonly<Record<string, readonly (readonly [expression: string, value: Json])[]>> = {
  text: [
    ["base64('one, two, three')", 'b25lLCB0d28sIHRocmVl'],
    ["base64ToString('b25lLCB0d28sIHRocmVl')", 'one, two, three'],
    [`base64ToJson(base64('{"one": "a", "two": "b"}'))`, { one: 'a', two: 'b' }],
    ["base64ToJson(base64('{''one'': ''a'', ''two'' : ''b''}'))", { one: 'a', two: 'b' }],
    ["concat('prefix', '-', 5, true())", 'prefix-5True'],
    ["dataUri('Hello')", 'data:text/plain;charset=utf8;base64,SGVsbG8='],
    ["dataUriToString('data:;base64,SGVsbG8sIFdvcmxkIQ==')", 'Hello, World!'],
    ["endsWith('abcdef', 'EF')", true],
    ["startsWith('abcdef', 'AB')", true],
    [
      "format('{0}, {1}. Formatted number: {2:N0}', 'Hello', 'User', 8175133)",
      'Hello, User. Formatted number: 8,175,133',
    ],
    ["format('{0:D3}|{1,4}|{1,-4}|{{{2:X4}}}', 7, 'ab', 48879)", '007|  ab|ab  |{BEEF}'],
    ["format('{0:0000}', 42)", '0042'],
    ["indexOf('test', 'T')", 0],
    ["lastIndexOf('test', 't')", 3],
    ["indexOf('abcdef', 'z')", -1],
    ["padLeft('123', 10, '0')", '0000000123'],
    ["replace('123-123-1234', '-', '')", '1231231234'],
    ["replace('a$b', 'a', '$&')", '$&$b'],
    ["split('one;two,three', createArray(',', ';'))", ['one', 'two', 'three']],
    ["join(createArray('one', 'two', 'three'), ';')", 'one;two;three'],
    ["substring('one two three', 4, 3)", 'two'],
    ["toUpper('One Two')", 'ONE TWO'],
    ["trim('   one two three   ')", 'one two three'],
    ["string(createArray('a', 'b', 'c'))", '["a","b","c"]'],
    ['toLower(string(true()))', 'true'],
    ["uri('http://contoso.org/firstpath/', 'myscript.sh')", 'http://contoso.org/firstpath/myscript.sh'],
    [
      "uriComponent('http://contoso.com/resources/nested/azuredeploy.json')",
      'http%3A%2F%2Fcontoso.com%2Fresources%2Fnested%2Fazuredeploy.json',
    ],
    ["uriComponentToString('http%3A%2F%2Fcontoso.com')", 'http://contoso.com'],
    ["'it''s'", "it's"],
  ],
  'names that are made': [
    ["uniqueString('/subscriptions/00000000-0000-0000-0000-000000000000', 'resource-id')", 'cwvxuqg24sifi'],
    [
      "uniqueString('/subscriptions/12345678-1234-1234-1234-123456789012/resourceGroups/my-rg', 'Microsoft.Storage/storageAccounts')",
      'z22rah77jfqry',
    ],
    ["uniqueString('test')", 'rbgf3xv4ufgzg'],
    ["uniqueString('abc')", 'cgtzqvhu4i23s'],
    ["uniqueString('hello', 'world')", 'a7wkljktk6wne'],
    ["guid('a', 'b', 'c')", 'a98fa280-e03f-5afa-8d8e-92d0a9c201e8'],
  ],
  'arrays and objects': [
    ["array('efgh')", ['efgh']],
    ["concat(createArray('1-1', '1-2'), createArray('2-1'))", ['1-1', '1-2', '2-1']],
    ["contains('OneTwoThree', 'e')", true],
    ["contains(createObject('One', 'a'), 'one')", true],
    ["contains(createArray('one', 'two'), 'Two')", false],
    ["createObject('intProp', 1, 'stringProp', 'abc')", { intProp: 1, stringProp: 'abc' }],
    ['empty(createArray())', true],
    ["empty('')", true],
    ['empty(null())', true],
    ["first('One Two Three')", 'O'],
    ["last(createArray('one', 'two', 'three'))", 'three'],
    ["flatten(createArray(createArray('one', 'two'), createArray('four')))", ['one', 'two', 'four']],
    ["intersection(createArray('one', 'two', 'three'), createArray('two', 'three'))", ['two', 'three']],
    [
      'intersection(json(\'{"one": "a", "two": "b", "three": "c"}\'), json(\'{"one": "a", "two": "z", "three": "c"}\'))',
      { one: 'a', three: 'c' },
    ],
    [
      "items(createObject('b', 2, 'a', 1))",
      [
        { key: 'a', value: 1 },
        { key: 'b', value: 2 },
      ],
    ],
    ["objectKeys(createObject('b', 2, 'a', 1))", ['a', 'b']],
    ["length('One Two Three')", 13],
    ['range(5, 3)', [5, 6, 7]],
    ["skip('one two three', 4)", 'two three'],
    ["take(createArray('one', 'two', 'three'), 2)", ['one', 'two']],
    ["union(createArray('one', 'two'), createArray('two', 'three'))", ['one', 'two', 'three']],
    [
      `union(json('{"one": "a", "deep": {"x": 1, "y": 2}}'), json('{"one": "b", "deep": {"y": 3}}'))`,
      { one: 'b', deep: { x: 1, y: 3 } },
    ],
    ["tryGet(createObject('a', createArray(7)), 'A', 0)", 7],
    ["tryGet(createObject('a', 1), 'b', 'c')", null],
    ["shallowMerge(createArray(createObject('a', 1), createObject('a', 2, 'b', 3)))", { a: 2, b: 3 }],
    ["json('null')", null],
    ['json(\'{"a": null}\').a', null],
    ['coalesce(json(\'{"null1": null, "string": "default"}\').null1, \'default\')', 'default'],
    ["json('{''one'': ''it'', two: True}')", { one: 'it', two: true }],
    ["json('.25')", 0.25],
    ['json(\'{ /* "a": 1, */ "b": "//", // last\n "c": 2 }\')', { b: '//', c: 2 }],
    ["json('{''a'': -.5, ''b'': [1.5, .5]}')", { a: -0.5, b: [1.5, 0.5] }],
    ["createArray('a', 'b')[1]", 'b'],
    ["createObject('Mixed', 'x').mIXED", 'x'],
  ],
  'logic and numbers': [
    ["and(bool('true'), not(bool('false')), equals(1, 1))", true],
    ["or(false(), equals('a', 'A'))", false],
    ["if(equals('a', 'a'), 'yes', parameters('absent'))", 'yes'],
    ["coalesce(null(), '', 'x')", ''],
    ["less('apple', 'banana')", true],
    ['greaterOrEquals(3, 3)', true],
    ["add(int('4'), sub(7, 3))", 8],
    ['div(-8, 3)', -2],
    ['mod(-7, 3)', -1],
    ['mul(-1, 0)', 0],
    ['min(createArray(0, 3, 2, 5, 4))', 0],
    ['max(0, 3, 2, 5, 4)', 5],
  ],
  lambdas: [
    ["map(createArray(1, 2), lambda('n', mul(lambdaVariables('n'), 10)))", [10, 20]],
    ["filter(createArray(5, 1, 4), lambda('n', 'i', greater(lambdaVariables('i'), 0)))", [1, 4]],
    ["sort(createArray(5, 1, 4), lambda('a', 'b', less(lambdaVariables('a'), lambdaVariables('b'))))", [1, 4, 5]],
    ["reduce(createArray(1, 2, 3), 0, lambda('sum', 'n', add(lambdaVariables('sum'), lambdaVariables('n'))))", 6],
    ["toObject(createArray('a'), lambda('k', lambdaVariables('k')), lambda('k', 1))", { a: 1 }],
    ["mapValues(createObject('a', 1), lambda('v', add(lambdaVariables('v'), 1)))", { a: 2 }],
    ["groupBy(createArray('ab', 'ac', 'b'), lambda('v', first(lambdaVariables('v'))))", { a: ['ab', 'ac'], b: ['b'] }],
  ],
  resources: [
    ["resourceId('Microsoft.Storage/storageAccounts', 'x')", `${GROUP}/providers/Microsoft.Storage/storageAccounts/x`],
    ["resourceId('Microsoft.Storage/storageAccounts/', 'x')", `${GROUP}/providers/Microsoft.Storage/storageAccounts/x`],
    [
      "resourceId('otherGroup', 'Microsoft.SQL/servers/databases', 'server', 'db')",
      '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/otherGroup/providers/Microsoft.SQL/servers/server/databases/db',
    ],
    [
      "resourceId('11111111-1111-1111-1111-111111111111', 'otherGroup', 'Microsoft.Storage/storageAccounts', 'x')",
      '/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/otherGroup/providers/Microsoft.Storage/storageAccounts/x',
    ],
    [
      "subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'r')",
      '/subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.Authorization/roleDefinitions/r',
    ],
    ["tenantResourceId('Microsoft.Authorization/policies', 'p')", '/providers/Microsoft.Authorization/policies/p'],
    [
      "extensionResourceId(resourceGroup().id, 'Microsoft.Authorization/locks', 'l')",
      `${GROUP}/providers/Microsoft.Authorization/locks/l`,
    ],
    ['resourceGroup().LOCATION', 'eastus2'],
    ["concat('x.blob.', environment().suffixes.storage)", 'x.blob.core.windows.net'],
  ],
  'networks and dates': [
    ["cidrSubnet('10.144.0.0/20', 24, 1)", '10.144.1.0/24'],
    ["cidrHost('10.144.3.0/24', 0)", '10.144.3.1'],
    [
      "parseCidr('10.144.0.0/20')",
      {
        network: '10.144.0.0',
        netmask: '255.255.240.0',
        broadcast: '10.144.15.255',
        firstUsable: '10.144.0.1',
        lastUsable: '10.144.15.254',
        cidr: 20,
      },
    ],
    [
      "parseCidr('fdad:3236:5555::/48')",
      {
        network: 'fdad:3236:5555::',
        netmask: 'ffff:ffff:ffff::',
        firstUsable: 'fdad:3236:5555::',
        lastUsable: 'fdad:3236:5555:ffff:ffff:ffff:ffff:ffff',
        cidr: 48,
      },
    ],
    ["cidrSubnet('fdad:3236:5555::/48', 52, 1)", 'fdad:3236:5555:1000::/52'],
    ["dateTimeAdd('2020-04-07 14:53:14Z', 'P3Y')", '2023-04-07T14:53:14Z'],
    ["dateTimeAdd('2020-04-07 14:53:14Z', '-P9D')", '2020-03-29T14:53:14Z'],
    ["dateTimeAdd('2023-01-01 00:00:00Z', 'P1Y')", '2024-01-01T00:00:00Z'],
    ["dateTimeAdd('2024-01-01 00:00:00Z', 'P1Y')", '2024-12-31T00:00:00Z'],
    ["dateTimeAdd('2023-02-01 00:00:00Z', 'P1M')", '2023-03-03T00:00:00Z'],
    ["dateTimeAdd('2024-02-01 00:00:00Z', 'P1M')", '2024-03-02T00:00:00Z'],
    ["dateTimeAdd('2020-04-07 14:53:14Z', 'PT1H')", '2020-04-07T15:53:14Z'],
    ['dateTimeFromEpoch(1683040573)', '2023-05-02T15:16:13Z'],
    ["dateTimeToEpoch('2023-05-02T15:16:13Z')", 1683040573],
  ],
}

describe.each(Object.entries(EXAMPLES))('functions on %s', (_family, examples) => {
  it.each(examples)('evaluates %s', (expression, value) => {
    expect(evaluated(expression, {})).toEqual(value)
  })
})

describe('functions', () => {
  it('are found whatever the case of their names', () => {
    expect(evaluated("CONCAT('a', TOLOWER('B'))")).toBe('ab')
  })

  it('name what they were given and what they expect', () => {
    expect(() => evaluated('length(1)')).toThrow(
      "'length' expects its parameter 1 to be of type 'String, Array, Object'",
    )
    expect(() => evaluated("add(1, '2')")).toThrow("'add' expects its parameter 2 to be of type 'Integer'")
    expect(() => evaluated('not()')).toThrow(
      "'not' expects '1' argument(s). The function was invoked with '0' parameters",
    )
    expect(() => evaluated('noSuch(1)')).toThrow("The template function 'noSuch' is not valid")
    expect(() => evaluated("substring('abc', 2, 5)")).toThrow('must refer to a location within the string')
    expect(() => evaluated("resourceId('Microsoft.Storage/storageAccounts', 'a', 'b')")).toThrow(
      "requires '1' resource name argument(s)",
    )
  })

  it('say which properties there are where one is missing', () => {
    expect(() => evaluated("createObject('a', 1, 'b', 2).c")).toThrow(
      "The language expression property 'c' doesn't exist, available properties are 'a, b'.",
    )
    expect(() => evaluated('createArray(1)[3]')).toThrow("array index '3' is out of bounds")
  })

  it('of chance and time stand in default values only', () => {
    expect(() => evaluated('newGuid()')).toThrow('may only be used in a default value')
    expect(() => evaluated("utcNow('d')")).toThrow('may only be used in a default value')
  })
})

describe('dates', () => {
  const date = new Date('2020-04-07T14:03:09.250Z')

  it.each([
    ['yyyyMMddTHHmmssZ', '20200407T140309Z'],
    ['M/d/yyyy h:mm tt', '4/7/2020 2:03 PM'],
    ['dddd, MMMM d', 'Tuesday, April 7'],
    ["yyyy'y'", '2020y'],
    ['u', '2020-04-07 14:03:09Z'],
    ['d', '04/07/2020'],
  ])('are written as %s', (format, text) => {
    expect(formatDate(date, format)).toBe(text)
  })

  it('count a year as 365 days and a month as 30', () => {
    expect(plusDuration(new Date('2024-01-31T00:00:00Z'), 'P1M')?.toISOString()).toBe('2024-03-01T00:00:00.000Z')
    expect(plusDuration(date, 'P')).toBeUndefined()
    expect(plusDuration(date, '3 days')).toBeUndefined()
  })
})
