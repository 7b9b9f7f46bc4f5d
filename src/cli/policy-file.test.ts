import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isFault } from '../core/errors.ts'
import * as policyFile from './policy-file.ts'
import { policyJsonSchema } from './policy-schema.ts'

const kindsOf = () => ['compute', 'data', 'experiment', 'model', 'online-endpoint', 'schedule']
const parsePolicies = (text: string, file: string) => policyFile.parsePolicies(text, file, kindsOf)
const readPolicies = (path: string) => policyFile.readPolicies(path, kindsOf)

const ID = '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces'

const SMALLEST = `name: churn
primary:
  workspace: ${ID}/churn
secondary:
  location: Central US
  workspace: ${ID}/churn-dr/
`

const WHOLE = `${SMALLEST}objectives: { rpo: 5m, rto: 15m }
sync: { every: 1m, history: all, exclude: ["experiment/scratch-*"] }
availability:
  default: hot/warm
  compute: hot/cold
  rules:
    - { match: "online-endpoint/fraud*", mode: hot/hot }
    - { match: "schedule/nightly", mode: hot/warm, resubmit: secondary }
failover:
  mode: automatic
  after: 90s
  vantagePoints:
    - { name: a, url: "http://a.example:8443" }
    - { name: b, url: "http://b.example:8443" }
    - { name: c, url: "http://c.example:8443", host: rack-3 }
  maxLoss: 10m
  coolDown: 30m
witness: https://churnwitness.blob.core.windows.net/holdfast
pointer:
  - file: /etc/azureml/config.json
  - env: ./active.env
  - webhook: https://hooks.example/active
mappings: { compute: { gpu-cluster: gpu-cluster-cus } }
maintenance:
  - { days: [sat], from: "22:30", for: 4h }
notify: [{ webhook: "https://hooks.example/notify" }]
backup: { repository: ./backups, every: 15m, keep: { daily: 30, monthly: 12 } }
`

function mistakes(text: string): string {
  try {
    parsePolicies(text, 'holdfast.yaml')
  } catch (thrown) {
    if (isFault(thrown, 'policy/invalid')) return thrown.message
    throw thrown
  }
  return ''
}

describe('a policy', () => {
  it('needs two workspaces and a location, and gets a default for all else', () => {
    expect(parsePolicies(SMALLEST, 'holdfast.yaml')).toEqual([
      {
        name: 'churn',
        primary: { workspace: `${ID}/churn` },
        secondary: { location: 'centralus', workspace: `${ID}/churn-dr` },
        residency: 'geography',
        objectives: { rpo: 900_000, rto: 1_800_000 },
        sync: { every: 60_000, history: 'all', exclude: [], conflict: 'refuse', removes: [] },
        availability: { default: 'hot/warm', kinds: {}, rules: [] },
        failover: {
          mode: 'manual',
          after: 90_000,
          vantagePoints: [],
          maxLoss: 600_000,
          coolDown: 1_800_000,
          approvalExpires: 3_600_000,
          demo: false,
        },
        switchover: { jobs: 'wait', wait: 1_800_000 },
        pointer: [],
        mappings: {},
        maintenance: [],
        notify: [],
      },
    ])
  })

  it('reads everything that can be written', () => {
    const [policy] = parsePolicies(WHOLE, 'holdfast.yaml')
    expect(policy?.availability).toMatchObject({ default: 'hot/warm', kinds: { compute: 'hot/cold' } })
    expect(policy?.failover.vantagePoints.map((point) => point.host)).toEqual(['a.example', 'b.example', 'rack-3'])
    expect(policy?.maintenance).toEqual([{ days: [6], from: 81_000_000, lasts: 14_400_000 }])
    expect(policy?.backup?.keep).toEqual({ daily: 30, monthly: 12 })
  })

  it('stands beside others in one file', () => {
    const second = SMALLEST.replace('name: churn', 'name: fraud')
    expect(parsePolicies(`${SMALLEST}---\n${second}`, 'f').map((policy) => policy.name)).toEqual(['churn', 'fraud'])
  })
})

describe('a pair of tracking servers', () => {
  const SERVERS =
    'name: runs\nprimary:\n  server: https://a.example/mlflow/\nsecondary:\n  server: http://b.example:5000\n'
  const POINTS = `failover:
  mode: automatic
  vantagePoints: [{ name: a, url: "http://a:1" }, { name: b, url: "http://b:1" }, { name: c, url: "http://c:1" }]
`

  it('needs two URIs, and may say how to sign in to each, never with what', () => {
    const signIn = SERVERS.replace('mlflow/\n', 'mlflow/\n  signIn: { user: ada, password: { env: A_PASSWORD } }\n')
    const [policy] = parsePolicies(`${signIn}  signIn: { token: { file: b.token } }\n`, 'f')
    expect(policy?.primary).toEqual({
      server: 'https://a.example/mlflow',
      signIn: { user: 'ada', password: { env: 'A_PASSWORD' } },
    })
    expect(policy?.secondary).toEqual({ server: 'http://b.example:5000', signIn: { token: { file: 'b.token' } } })
    expect(mistakes(SERVERS.replace('a.example', 'ada:secret@a.example'))).toContain(
      'holdfast.yaml:3: a secret stands here',
    )
  })

  it('may leave files to its clients in Azure’s storage, in folders that can be read as such', () => {
    const below = (side: string, folder: string) => SERVERS.replace(side, `${side}\n  filesBelow: ["${folder}"]`)
    const folder = 'wasbs://mlflow@files.blob.core.windows.net/runs'
    const [policy] = parsePolicies(below('https://a.example/mlflow/', folder), 'f')
    expect(policy?.primary).toMatchObject({ filesBelow: [folder] })
    for (const wrong of ['s3://bucket/runs', 'wasbs://files.blob.core.windows.net/runs', `${folder}/../other`]) {
      expect(mistakes(below('https://a.example/mlflow/', wrong))).toContain('holdfast.yaml:4: primary.filesBelow')
    }
  })

  it('is refused where only one of the two is a server, or both are the same', () => {
    expect(mistakes(SMALLEST.replace(`  workspace: ${ID}/churn\n`, '  server: https://a.example\n'))).toContain(
      'secondary.workspace stands beside another kind of side',
    )
    expect(mistakes(SERVERS.replace('http://b.example:5000', 'https://a.example/mlflow'))).toContain(
      'holdfast.yaml:5: secondary.server is the primary',
    )
    expect(mistakes(SERVERS.replace('  server: http', '  workspace: x\n  server: http'))).toContain('primary.workspace')
  })

  // Guards: whoever writes to a tracking server can only be led away from it, never stopped.
  it('is never automatic without a pointer, nor watched without something that depends on neither', () => {
    expect(mistakes(SERVERS + POINTS)).toContain('no pointer is named')
    expect(mistakes(SERVERS + POINTS)).toContain('failover.outside is missing')
    expect(mistakes(`${SERVERS}${POINTS}  outside: https://example.org\npointer: [{ env: active.env }]\n`)).toBe('')
  })
})

describe('a mistake', () => {
  it('is named with its line, its value and what to write', () => {
    expect(mistakes(`${SMALLEST}sync:\n  every: 5 minutes\n`)).toBe(
      'holdfast.yaml:8: sync.every is "5 minutes"; write a duration such as 90s, 5m or 1h30m',
    )
    expect(mistakes(`${SMALLEST}failover:\n  mode: auto\n`)).toBe(
      'holdfast.yaml:8: failover.mode is "auto"; write one of automatic, approval, manual',
    )
    expect(mistakes(`${SMALLEST}availability:\n  compute: warm\n`)).toBe(
      'holdfast.yaml:8: availability.compute is "warm"; write one of hot/hot, hot/warm, hot/cold',
    )
    expect(mistakes(`${SMALLEST}backup:\n  repository: x\n  keep: { daily: many }\n`)).toBe(
      'holdfast.yaml:9: backup.keep.daily is "many"; write a number',
    )
  })

  it('is named with the nearest name that is known', () => {
    expect(mistakes(`${SMALLEST}failover:\n  cooldown: 30m\n`)).toBe(
      'holdfast.yaml:8: failover.cooldown is not known here; did you mean coolDown?',
    )
    expect(mistakes(`${SMALLEST}objectifs: {}\n`)).toContain('did you mean objectives?')
    expect(mistakes(`${SMALLEST}sync:\n  zebra: 1\n`)).toContain(
      'write one of every, history, exclude, conflict, removes',
    )
  })

  it('is named where something is missing', () => {
    expect(mistakes('name: churn\nprimary: {}\nsecondary:\n  location: centralus\n')).toBe(
      [
        'holdfast.yaml:2: primary.workspace is missing; write the ARM id of a workspace, or the URI of a tracking server as `server`',
        'holdfast.yaml:3: secondary.workspace is missing; write the ARM id of a workspace, or the URI of a tracking server as `server`',
      ].join('\n'),
    )
  })

  it('is named where one of several forms was meant', () => {
    expect(mistakes(`${SMALLEST}pointer:\n  - path: /x\n`)).toBe(
      'holdfast.yaml:8: pointer.1 is of another shape; write one of file, env, webhook',
    )
    expect(mistakes(`${SMALLEST}pointer:\n  - file: 5\n`)).toBe('holdfast.yaml:8: pointer.1.file is 5; write a text')
    expect(mistakes(`${SMALLEST}notify:\n  - webhook: 5\n`)).toMatch(
      /^holdfast.yaml:8: notify.1.webhook is .*; write a URL .*, or write one of env, file$/,
    )
  })

  // Guards: what may be a secret is not repeated, though the field is named in which it stands by mistake.
  it('is not repeated where a secret may stand', () => {
    const said = mistakes(`${SMALLEST}notify:\n  - webhook: hello/T0/B0\n    bearer: hunter2\n`)
    expect(said).toContain('holdfast.yaml:8: notify.1.webhook')
    expect(said).toContain('holdfast.yaml:9: notify.1.bearer')
    expect(said).not.toMatch(/T0|hunter2/)
  })

  it('is a number where a duration is meant, or a duration that nobody can mean, with the bounds', () => {
    expect(mistakes(`${SMALLEST}failover:\n  after: 90\n`)).toBe(
      'holdfast.yaml:8: failover.after is 90; write a duration such as 90s, 5m or 1h30m',
    )
    for (const [text, field, bounds] of [
      ['failover: { after: 1ms }', 'failover.after', 'from 1s to 1d'],
      ['failover: { maxLoss: 3650d }', 'failover.maxLoss', 'from 1s to 30d'],
      ['sync: { every: 9999999d }', 'sync.every', 'from 100ms to 1d'],
      ['objectives: { rpo: 0s }', 'objectives.rpo', 'from 1s to 30d'],
    ] as const) {
      expect(mistakes(SMALLEST + text)).toContain(`holdfast.yaml:7: ${field}`)
      expect(mistakes(SMALLEST + text)).toContain(bounds)
    }
  })

  it('is a kind that there is not, wherever one is named', () => {
    for (const [text, where, near] of [
      ['availability:\n  computes: hot/cold', 'availability.computes', 'compute'],
      ['availability:\n  defalt: hot/cold', 'availability.defalt', 'default'],
      ['availability:\n  rules: [{ match: "shedule/x", mode: hot/hot }]', 'availability.rules.1.match', 'schedule'],
      ['sync:\n  removes: [modle]', 'sync.removes.1', 'model'],
      ['sync:\n  exclude: ["experment/x-*"]', 'sync.exclude.1', 'experiment'],
      ['mappings:\n  computes: { a: b }', 'mappings.computes', 'compute'],
    ] as const) {
      expect(mistakes(SMALLEST + text)).toMatch(new RegExp(`^holdfast\\.yaml:8: ${where} .*did you mean ${near}\\?$`))
    }
    expect(mistakes(`${SMALLEST}sync: { exclude: ["**/x", "*/x", "mod*/x", model] }`)).toBe('')
  })

  it('is a region that is not known, where data is to stay in a geography', () => {
    const mars = SMALLEST.replace('Central US', 'Centrall US')
    expect(mistakes(mars)).toMatch(/^holdfast\.yaml:5: secondary\.location .*did you mean centralus\?/)
    expect(mistakes(`${mars}residency: any\n`)).toBe('')
  })

  it('is a URL that can be asked for nothing, wherever one is written', () => {
    const url = 'https://hooks.example:PORT/x'
    for (const [text, where] of [
      [`${SMALLEST}pointer: [{ webhook: "${url}" }]`, 'pointer.1'],
      [`${SMALLEST}notify: [{ webhook: "${url}" }]`, 'notify.1'],
      [`${SMALLEST}witness: "${url}"`, 'witness'],
      [`${SMALLEST}failover: { outside: "${url}" }`, 'failover.outside'],
      [`${SMALLEST}failover: { vantagePoints: [{ name: a, url: "${url}" }] }`, 'failover.vantagePoints.1.url'],
      [`name: x\nprimary: { server: "${url}" }\nsecondary: { server: "https://b.example" }`, 'primary.server'],
    ] as const) {
      expect(mistakes(text)).toMatch(/^holdfast\.yaml:\d: [^\n]*$/)
      expect(mistakes(text)).toContain(where)
    }
  })

  it('of YAML itself is named with its line', () => {
    expect(mistakes('name: churn\nname: fraud\n')).toMatch(
      /^holdfast\.yaml:2: this is not YAML: Map keys must be unique/,
    )
    expect(mistakes('name: [churn\n')).toMatch(/^holdfast\.yaml:\d: this is not YAML/)
  })

  it('between fields is found: the same workspace twice, a mapping that leads to one name twice', () => {
    expect(mistakes(SMALLEST.replace('churn-dr/', 'churn'))).toContain(
      'holdfast.yaml:6: secondary.workspace is the primary',
    )
    expect(mistakes(`${SMALLEST}mappings:\n  compute: { a: c, b: c }\n`)).toContain(
      'mappings.compute leads to "c" twice',
    )
  })

  it('of a subnet that is mapped by its name is found, since a body names it by its id', () => {
    const id = (net: string) =>
      `/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/${net}/subnets/ml`
    const mapped = (to: string) => `${SMALLEST}mappings:\n  subnet:\n    ${id('east')}: ${to}\n`
    expect(mistakes(mapped('ml'))).toContain('mappings.subnet has "ml"')
    expect(parsePolicies(mapped(id('central')), 'holdfast.yaml')[0]?.mappings).toEqual({
      subnet: { [id('east')]: id('central') },
    })
  })

  // Guards: one host, or two, are no majority that automatic mode may stand on.
  it('is an automatic mode with fewer than three vantage points on hosts of their own', () => {
    const two = WHOLE.replace('host: rack-3', 'host: b.example')
    expect(mistakes(two)).toContain('failover.mode is "automatic" with vantage points on 2 hosts')
    expect(mistakes(two.replace('mode: automatic', 'mode: automatic\n  demo: true'))).toBe('')
  })

  // Guards: one round that nobody answered is no loss.
  it('is an automatic mode that waits for no second round, but where it is only tried out', () => {
    const hasty = WHOLE.replace('after: 90s', 'after: 9s')
    expect(mistakes(hasty)).toMatch(/^holdfast\.yaml:17: failover\.after is 9s .*at least 10s/)
    expect(mistakes(hasty.replace('mode: automatic', 'mode: automatic\n  demo: true'))).toBe('')
    expect(mistakes(hasty.replace('mode: automatic', 'mode: manual'))).toBe('')
  })

  // Guards: what one point says counts once. Under one name, one report would stand for a majority.
  it('is a name that two vantage points share, on hosts of their own and in every mode', () => {
    const same = WHOLE.replace('name: c,', 'name: a,')
    expect(mistakes(same)).toMatch(/^holdfast\.yaml:21: failover\.vantagePoints\.3\.name is "a"/)
    expect(mistakes(same.replace('mode: automatic', 'mode: manual'))).toContain('failover.vantagePoints.3.name')
  })
})

describe('a secret', () => {
  for (const [what, value] of [
    ['a SAS', 'https://a.blob.core.windows.net/c?sv=2024&sig=abc%3D'],
    ['a connection string', 'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abc'],
    ['a password in a URL', 'https://me:hunter2@hooks.example/x'],
    ['a bearer token', 'https://hooks.example/?t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.x'],
  ] as const) {
    it(`is refused and not repeated: ${what}`, () => {
      const message = mistakes(`${SMALLEST}pointer:\n  - webhook: "${value}"\n`)
      expect(message).toContain('holdfast.yaml:8: a secret stands here')
      expect(message).not.toContain(value)
    })
  }
})

describe('files', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-policy-'))
  })
  afterEach(async () => await rm(folder, { recursive: true }))

  it('are read one by one, or as a folder of several', async () => {
    await writeFile(join(folder, 'a.yaml'), SMALLEST)
    await writeFile(join(folder, 'b.yml'), SMALLEST.replace('name: churn', 'name: fraud'))
    await writeFile(join(folder, 'notes.txt'), 'x')
    expect((await readPolicies(folder)).map((policy) => policy.name)).toEqual(['churn', 'fraud'])
    expect(await readPolicies(join(folder, 'a.yaml'))).toHaveLength(1)
  })

  it('may not give two protections one name', async () => {
    await writeFile(join(folder, 'a.yaml'), SMALLEST)
    await writeFile(join(folder, 'b.yaml'), `# Another\n${SMALLEST}`)
    const [a, b] = [join(folder, 'a.yaml'), join(folder, 'b.yaml')]
    await expect(readPolicies(folder)).rejects.toThrow(`${b}:2: name is "churn", as in ${a}:1;`)
  })

  it('that are empty can be replaced', async () => {
    await writeFile(join(folder, 'a.yaml'), '# nothing yet\n')
    const hint = expect.stringContaining('--force')
    await expect(readPolicies(join(folder, 'a.yaml'))).rejects.toMatchObject({ code: 'policy/missing', hint })
  })

  it('that are not there are said to be missing', async () => {
    await expect(readPolicies(join(folder, 'none.yaml'))).rejects.toMatchObject({ code: 'policy/missing' })
    await expect(readPolicies(folder)).rejects.toMatchObject({ code: 'policy/missing' })
  })
})

describe('the schema for editors', () => {
  it('is the one that is checked', async () => {
    const file = new URL('../../schema/holdfast.schema.json', import.meta.url)
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(policyJsonSchema())))
  })
})

it('says what is meant where a pattern is taken for an alias, and takes no bomb of them', () => {
  const pattern = SMALLEST.replace('secondary:', 'sync: { exclude: [*/tmp-*] }\nsecondary:')
  expect(mistakes(pattern)).toMatch(/^holdfast\.yaml:\d+: .*quote/)
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]']
  for (let n = 0; n < 8; n++) {
    const [before, own] = [String.fromCharCode(97 + n), String.fromCharCode(98 + n)]
    bomb.push(`${own}: &${own} [${Array(10).fill(`*${before}`).join(', ')}]`)
  }
  expect(mistakes(`${bomb.join('\n')}\n${SMALLEST}`)).toMatch(/^holdfast\.yaml:\d+: /)
})

describe('a policy file', () => {
  let dir = ''
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'policy-'))
  })
  afterEach(() => rm(dir, { recursive: true }))

  it('that is no text, or a folder, is named', async () => {
    const file = join(dir, 'holdfast.yaml')
    await writeFile(file, Buffer.concat([Buffer.from(SMALLEST), Buffer.from([0xe9, 0x0a])]))
    await expect(readPolicies(file)).rejects.toMatchObject({
      code: 'policy/invalid',
      message: expect.stringContaining(file),
    })
    await rm(file)
    await mkdir(file)
    await expect(readPolicies(dir)).rejects.toMatchObject({ code: 'EISDIR', path: file })
  })
})
