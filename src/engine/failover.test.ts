import { existsSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { beforeEach, expect, it } from 'vitest'
import { fuse } from '../../test/support/fuse.ts'
import { beginning, carrying, configOf, FAILOVER, failingOf, shownAs } from '../../test/support/made-up-failover.ts'
import { body, statusOf } from '../../test/support/made-up-kinds.ts'
import {
  CALL,
  forever,
  LEASE,
  type Process,
  passing,
  type World,
  worldOfTest,
} from '../../test/support/made-up-world.ts'
import { Fault } from '../core/errors.ts'
import type { JsonObject } from '../core/model.ts'
import { type Phase, phasesOf } from '../core/phases.ts'
import { carryOut } from './failover.ts'
import type { Failing } from './phase-acts.ts'
import { PHASE_ACTS } from './phase-acts.ts'
import { pointAgain } from './pointer-left.ts'
import { type FailoverReport, reportOf } from './report.ts'

let world: World
beforeEach(async () => {
  world = await lost()
})

/** A world that was in step when its primary was lost. */
async function lost(where?: 'memory'): Promise<World> {
  const made = worldOfTest(where)
  const { primary } = made.sides
  primary.put('datum/set', body.datum(1))
  primary.put('schedule/nightly', body.schedule(1))
  primary.put('schedule/weekly', body.schedule(1))
  primary.put('job/train', body.job('Running', {}, 'datum/set'))
  primary.put('job/tune', body.job('Queued'))
  primary.put('job/done', body.job('Completed'))
  await made.run('a', passing())
  primary.down = true
  made.effects.length = 0
  return made
}

function whole(of: World): (process: Process) => Promise<void> {
  return async (process) => {
    if ((await of.journal(FAILOVER)).length === 0) await beginning(process)
    await carrying(of)(process)
  }
}

async function reported(of = world): Promise<FailoverReport> {
  const report = reportOf(await of.journal(FAILOVER))
  if (report === undefined) throw new Error('there is no failover')
  return report
}

function pointer(of: World): unknown {
  return JSON.parse(readFileSync(of.file('config.json'), 'utf8'))
}

const submitted = (of: World) =>
  of.effects
    .filter(({ act }) => act === 'submit')
    .map((one) => one.of)
    .sort()

it('raises the standby, resubmits what was under way, moves the pointer and looks at all of it', async () => {
  await world.run('b', whole(world))
  const { secondary } = world.sides
  expect(secondary.get('schedule/nightly')).toEqual(body.schedule(1))
  expect(submitted(world)).toEqual([`job/train-${FAILOVER}`, `job/tune-${FAILOVER}`])
  expect(pointer(world)).toEqual(configOf(world, 'secondary'))
  const closed = world.calls.filter(({ act }) => act === 'close').map(({ side, of }) => `${side} ${of}`)
  expect(closed.sort()).toEqual(['train', 'tune'].map((job) => `secondary ${job} as ${job}-${FAILOVER}`))
  expect(await world.store.fact('churn', 'roles')).toMatchObject({ active: 'secondary', failover: FAILOVER })
  const report = await reported()
  expect(report).toMatchObject({ outcome: 'done', verified: { missing: [], different: [] }, unfinished: [] })
  expect(report.verified.compared).toMatchObject({ datum: 1, schedule: 2 })
})

it('goes through its phases in their order, the pointer last but for verifying and reporting', async () => {
  const phases: Phase[] = []
  await world.run('b', async (process) => {
    await beginning(process)
    await carrying(world, (phase) => phases.push(phase))(process)
  })
  const all = phasesOf('failover')
  expect(phases).toEqual(all.slice(all.indexOf('lease')))
  expect(phases.slice(-3)).toEqual(['pointer', 'verify', 'report'])
})

it('guards I2 and I3: cut off at any point it is carried to the same end by another, each job submitted once', {
  timeout: 120_000,
}, async () => {
  const cord = fuse()
  await whole(world)(await world.start('whole', cord))
  const picture = world.sides.secondary.picture
  const jobs = (await reported()).jobs
  expect(cord.passed.length).toBeGreaterThan(50)
  for (let point = 1; point <= cord.passed.length; point++) {
    const other = await lost('memory')
    await other.run('first', whole(other), point)
    await other.run('second', whole(other))
    const where = `cut at ${cord.passed[point - 1]}`
    const report = await reported(other)
    expect(report, where).toMatchObject({ id: FAILOVER, outcome: 'done' })
    expect(report.jobs, where).toEqual(jobs)
    expect(submitted(other), where).toEqual([`job/train-${FAILOVER}`, `job/tune-${FAILOVER}`])
    expect(other.sides.secondary.picture, where).toEqual(picture)
    expect(pointer(other), where).toEqual(configOf(other, 'secondary'))
    const types = (await other.journal(FAILOVER)).map(({ type }) => type)
    for (const once of ['failover/begun', 'resubmit/planned', 'failover/ended'])
      expect(types.filter((type) => type === once).length, `${once}, ${where}`).toBe(1)
    await other.close()
  }
})

it('guards I1: a controller whose lease another took effects nothing more', async () => {
  const first = await world.start('old')
  const reached = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  world.befall = async ({ by, act }, moment) => {
    if (by !== 'old' || act !== 'submit' || moment === 'before') return
    reached.resolve()
    await goOn.promise
  }
  const work = whole(world)(first)
  await reached.promise
  world.leasesRunOut()
  const second = await world.start('new')
  const until = world.effects.length
  goOn.resolve()
  await expect(work).rejects.toMatchObject({ code: 'run/fenced' })
  expect(world.effects.length).toBe(until)
  await whole(world)(second)
  expect(submitted(world)).toEqual([`job/train-${FAILOVER}`, `job/tune-${FAILOVER}`])
})

it('guards I1: no effect starts that the lease would not outlast, in any phase', async () => {
  for (const phase of ['fence', 'promote', 'resubmit', 'pointer'] as const) {
    const other = await lost()
    const process = await other.start('slow')
    await beginning(process)
    const told = (now: Phase) => {
      if (now === phase) other.pass(LEASE - CALL)
    }
    const seen: number[] = []
    const work = carrying(other, (now) => {
      told(now)
      if (now === phase) seen.push(other.effects.length)
    })(process)
    await expect(work, phase).rejects.toMatchObject({ code: 'run/fenced' })
    expect(other.effects.length, phase).toBe(seen[0])
  }
})

it('says of each job what becomes of it: submitted, waiting, left, blocked', async () => {
  const { primary } = world.sides
  primary.down = false
  primary.put('job/wait', body.job('Running', { 'holdfast.resubmit': 'primary' }))
  primary.put('job/leave', body.job('Running', { 'holdfast.resubmit': 'never' }))
  primary.put('datum/late', body.datum(1))
  primary.put('job/block', body.job('Queued', {}, 'datum/late'))
  world.befall = ({ act, of }) => {
    if (act === 'converge' && of === 'datum/late') throw new Fault('azure/refused', 'it is refused')
  }
  await world.run('a', passing())
  primary.down = true
  await world.run('b', whole(world))
  const { jobs, loss } = await reported()
  expect(jobs.map(({ job, is }) => `${job} ${is}`).sort()).toEqual([
    'block blocked',
    'leave left',
    'train submitted',
    'tune submitted',
    'wait waits',
  ])
  expect(loss).toContainEqual(expect.objectContaining({ address: 'datum/late', is: 'whole' }))
})

it('blocks a job that needs something of which each side has its own', async () => {
  await world.run('a', ({ tenure }) => tenure.setFact('conflicts', { 'datum/set': 'both sides changed it' }))
  await world.run('b', whole(world))
  expect((await reported()).jobs.map(({ job, is }) => `${job} ${is}`)).toEqual(['train blocked', 'tune submitted'])
})

it('leaves as it is what both sides changed, and names it', async () => {
  const { secondary } = world.sides
  secondary.put('schedule/nightly', { ...body.schedule(9), live: false })
  await world.run('a', ({ tenure }) => tenure.setFact('conflicts', { 'schedule/nightly': 'both sides changed it' }))
  await world.run('b', whole(world))
  expect(secondary.get('schedule/nightly')).toEqual({ ...body.schedule(9), live: false })
  expect((await reported()).unfinished).toEqual([expect.stringMatching(/^schedule\/nightly was not raised: each side/)])
})

it('names a job that cannot be submitted, and does not let the others wait for it', async () => {
  world.befall = ({ act, of }) => {
    if (act === 'submit' && of === `job/train-${FAILOVER}`) throw new Fault('azure/refused', 'there is no quota')
  }
  await world.run('b', whole(world))
  const { jobs, outcome } = await reported()
  expect(outcome).toBe('done')
  expect(jobs.map(({ job, is }) => `${job} ${is}`)).toEqual(['train failed', 'tune submitted'])
  expect(jobs[0]?.reason).toBe('there is no quota')
})

it.each([
  ['is raised', (act: string, of: string) => act === 'converge' && of === 'schedule/nightly'],
  ['is submitted', (act: string, of: string) => act === 'submit' && of === `job/train-${FAILOVER}`],
])('does all of it again when the side that takes over goes away while something %s', async (_, meets) => {
  world.befall = ({ act, of }) => {
    if (meets(act, of)) world.sides.secondary.down = true
  }
  await expect(world.run('b', whole(world))).rejects.toMatchObject({ code: 'azure/unreachable' })
  world.leasesRunOut()
  world.befall = () => undefined
  world.sides.secondary.down = false
  await world.run('c', whole(world))
  const { jobs, outcome } = await reported()
  expect(outcome).toBe('done')
  expect(jobs.map(({ job, is }) => `${job} ${is}`)).toEqual(['train submitted', 'tune submitted'])
  expect(submitted(world).length).toBe(2)
  expect(world.sides.secondary.get('schedule/nightly')).toMatchObject({ live: true })
})

it('does once more what failed while the side that takes over went on answering', async () => {
  let failures = 0
  world.befall = ({ act, of }) => {
    if (act === 'converge' && of === 'schedule/nightly' && failures++ === 0)
      throw new Fault('azure/unreachable', 'it did not answer')
  }
  await world.run('b', whole(world))
  expect(await reported()).toMatchObject({ outcome: 'done' })
  expect(world.sides.secondary.get('schedule/nightly')).toMatchObject({ live: true })
})

it('guards I3: asks again by name for a job whose submission went unanswered, and submits none twice', async () => {
  let unanswered = true
  world.befall = ({ act, of }, moment) => {
    if (act !== 'submit' || of !== `job/train-${FAILOVER}` || moment === 'before' || !unanswered) return
    unanswered = false
    throw new Fault('azure/unreachable', 'no answer came')
  }
  await world.run('b', whole(world))
  expect(submitted(world)).toEqual([`job/train-${FAILOVER}`, `job/tune-${FAILOVER}`])
  expect((await reported()).jobs.map(({ job, is }) => `${job} ${is}`)).toEqual(['train submitted', 'tune submitted'])
})

/** Lets lists of the side that took over break off while it is verified. */
function breakingOff(of: string, times: number): void {
  let resubmitted = false
  let lists = 0
  world.befall = (call, moment) => {
    resubmitted ||= call.act === 'close'
    if (resubmitted && call.act === 'list' && call.of === of && moment === 'before' && lists++ < times)
      throw new Fault('observe/incomplete', `the list of ${of} broke off`)
  }
}

it('takes nothing for missing of a kind whose list breaks off while it is verified: it is read once more, and named', async () => {
  breakingOff('schedule', 2)
  await world.run('b', whole(world))
  const { outcome, verified, unfinished } = await reported()
  expect([outcome, verified.missing, verified.different]).toEqual(['done', [], []])
  expect(verified.compared).not.toHaveProperty('schedule')
  expect(unfinished).toEqual([expect.stringContaining('schedule could not be verified')])
})

it('verifies again where the side that takes over goes away meanwhile', async () => {
  let closed = 0
  world.befall = ({ act, of }) => {
    if (act === 'close') closed++
    if (closed > 0 && act === 'list' && of === 'schedule') world.sides.secondary.down = true
  }
  await expect(world.run('b', whole(world))).rejects.toMatchObject({ code: 'observe/incomplete' })
  world.leasesRunOut()
  world.befall = () => undefined
  world.sides.secondary.down = false
  await world.run('c', whole(world))
  const { outcome, verified, unfinished } = await reported()
  expect([outcome, verified.missing, unfinished]).toEqual(['done', [], []])
  expect(verified.compared).toMatchObject({ datum: 1, schedule: 2 })
})

it('compares all of it where a list broke off once', async () => {
  breakingOff('schedule', 1)
  await world.run('b', whole(world))
  const { verified, unfinished } = await reported()
  expect([verified.compared, verified.missing, unfinished]).toEqual([expect.objectContaining({ schedule: 2 }), [], []])
})

it('says of a job that goes on that it does, though its old run cannot be closed', async () => {
  world.befall = ({ act, of }) => {
    if (act === 'close' && of.startsWith('train')) throw new Fault('azure/refused', 'it may not be changed')
  }
  await world.run('b', whole(world))
  const { jobs, unfinished } = await reported()
  expect(jobs.map(({ job, is }) => `${job} ${is}`)).toEqual(['train submitted', 'tune submitted'])
  expect(unfinished).toEqual([
    `The run of train, which goes on as train-${FAILOVER}, could not be closed: it may not be changed`,
  ])
})

it('names what could not be raised, and raises the rest', async () => {
  world.befall = ({ act, of }) => {
    if (act === 'converge' && of === 'schedule/nightly') throw new Fault('azure/refused', 'it is refused')
  }
  await world.run('b', whole(world))
  const report = await reported()
  expect(report.outcome).toBe('done')
  expect(report.unfinished).toEqual(['schedule/nightly was not raised: it is refused'])
  expect(report.verified.different).toEqual([])
  expect(world.sides.secondary.get('schedule/weekly')).toEqual(body.schedule(1))
})

it('names a defect that one thing meets, and fences, raises and submits the rest', async () => {
  world.sides.primary.down = false
  const met = new Set(['fence schedule', 'converge schedule/nightly', `submit job/train-${FAILOVER}`])
  world.befall = ({ act, of }) => {
    if (met.has(`${act} ${of}`)) throw new TypeError('x is not a function')
  }
  await world.run('b', whole(world))
  const { outcome, unfinished, jobs } = await reported()
  expect(outcome).toBe('done')
  expect(unfinished).toEqual([expect.stringMatching(/^schedule\/nightly was not raised: x is not a function/)])
  expect(jobs.map(({ job, is }) => `${job} ${is}`)).toEqual(['train failed', 'tune submitted'])
  expect(world.sides.secondary.get('schedule/weekly')).toEqual(body.schedule(1))
  expect(statusOf(world.sides.primary.get('job/tune'))).toBe('Canceled')
  const fenced = (await world.journal(FAILOVER)).find(({ body: of }) => of['phase'] === 'fence' && 'result' in of)
  expect(fenced?.body['result']).toMatchObject({ complete: false, unreached: { schedule: expect.any(String) } })
})

it('says that it can tell nothing of what is lost where the ledger was', async () => {
  await world.run('a', ({ parts, tenure }) => {
    const all = [...parts.ledger.entries('churn')].map(({ address }) => address)
    return parts.ledger.forget('churn', all, tenure.lease)
  })
  await world.run('b', whole(world))
  expect((await reported()).unfinished).toEqual([expect.stringContaining('The ledger knew nothing')])
})

it('makes what was cold, and names what it finds missing or different', async () => {
  const cold = worldOfTest()
  cold.sides.primary.put('datum/set', body.datum(1))
  cold.sides.primary.put('datum/gone', body.datum(1))
  cold.sides.primary.put('schedule/nightly', body.schedule(1))
  cold.sides.primary.put('schedule/on-it', body.schedule(1, 'schedule/nightly'))
  const mode = (of: string) => (of === 'schedule/on-it' ? 'hot/warm' : 'hot/cold')
  await cold.run('a', passing('primary', { mode, conflict: 'map' }))
  expect(cold.sides.secondary.get('schedule/on-it')).toBeUndefined()
  cold.sides.primary.down = true
  cold.sides.secondary.put('datum/set', body.datum(9))
  cold.sides.secondary.drop('datum/gone')
  await cold.run('b', whole(cold))
  expect(cold.sides.secondary.get('schedule/nightly')).toEqual(body.schedule(1))
  expect(cold.sides.secondary.get('schedule/on-it')).toEqual(body.schedule(1, 'schedule/nightly'))
  expect((await reported(cold)).verified).toMatchObject({ missing: ['datum/gone'], different: ['datum/set'] })
})

it('does not take what was mapped for different', async () => {
  const other = worldOfTest()
  other.sides.primary.put('asset/churn/1', body.asset(1))
  other.sides.secondary.put('asset/churn/1', body.asset(9))
  await other.run('a', passing())
  other.sides.primary.down = true
  await other.run('b', whole(other))
  expect((await reported(other)).verified).toMatchObject({ missing: [], different: [] })
})

it('reads what acts before it stops it, and everything else after', async () => {
  const { primary, secondary } = world.sides
  primary.down = false
  primary.put('datum/late', body.datum(7))
  primary.put('schedule/late', body.schedule(7))
  primary.put('job/late', body.job('Queued'))
  const fenced: string[] = []
  world.befall = ({ act, of }, moment) => {
    if (act === 'fence' && moment === 'before') fenced.push(of)
  }
  await world.run('b', whole(world))
  // A schedule that fires in between would start what was just stopped.
  expect(fenced).toEqual(['schedule', 'job'])
  expect(primary.get('schedule/nightly')).toMatchObject({ live: false })
  expect(statusOf(primary.get('job/train'))).toBe('Canceled')
  expect(secondary.get('datum/late')).toEqual(body.datum(7))
  for (const of of ['schedule/nightly', 'schedule/late'] as const)
    expect(secondary.get(of)).toMatchObject({ live: true })
  expect(submitted(world)).toEqual(['late', 'train', 'tune'].map((name) => `job/${name}-${FAILOVER}`))
  expect((await reported()).verified).toMatchObject({ missing: [], different: [] })
})

it('guards I2: reads nothing as wanted that a process had stopped before it was cut off', {
  timeout: 120_000,
}, async () => {
  const cord = fuse()
  world.sides.primary.down = false
  await whole(world)(await world.start('whole', cord))
  const picture = world.sides.secondary.picture
  for (const [index, what] of cord.passed.entries()) {
    if (!/fence|drain/.test(what)) continue
    const other = await lost('memory')
    other.sides.primary.down = false
    await other.run('first', whole(other), index + 1)
    await other.run('second', whole(other))
    expect(submitted(other), `cut at ${what}`).toEqual([`job/train-${FAILOVER}`, `job/tune-${FAILOVER}`])
    expect(other.sides.secondary.picture, `cut at ${what}`).toEqual(picture)
  }
})

it('does not wait for a lost side that hangs', async () => {
  world.sides.primary.down = false
  world.befall = ({ side }) => (side === 'primary' ? forever() : undefined)
  await world.run('b', async (process) => {
    await beginning(process)
    await carryOut({ ...failingOf(world, process), lostSideMilliseconds: 20 }, () => undefined)
  })
  const fenced = (await world.journal(FAILOVER)).find(({ body: of }) => of['phase'] === 'fence' && 'result' in of)
  expect(fenced?.body['result']).toMatchObject({ complete: false })
  expect(await reported()).toMatchObject({ outcome: 'done' })
})

it('does a phase again that failed, and goes on from there', async () => {
  world.sides.secondary.broken.add('datum')
  world.befall = ({ act, side }) => {
    if (act === 'list' && side === 'secondary') throw new TypeError('x is not a function')
  }
  await expect(world.run('b', whole(world))).rejects.toThrow('x is not a function')
  world.leasesRunOut()
  world.befall = () => undefined
  world.sides.secondary.broken.clear()
  await world.run('c', whole(world))
  expect(await reported()).toMatchObject({ outcome: 'done', verified: { missing: [] } })
  expect(submitted(world).length).toBe(2)
})

it('records a defect as a failure of its phase: what may be left is given up, and what must be done is tried again', async () => {
  const broken: (typeof PHASE_ACTS)['fence'] = () => Promise.reject(new TypeError('x is not a function'))
  const acted = (acts: typeof PHASE_ACTS) => async (process: Process) => {
    if ((await world.journal(FAILOVER)).length === 0) await beginning(process)
    await carryOut(failingOf(world, process), () => undefined, { acts })
  }
  const first = { ...PHASE_ACTS, fence: broken, verify: broken }
  await expect(world.run('b', acted(first))).rejects.toThrow('x is not a function')
  world.leasesRunOut()
  const failed = (await world.journal(FAILOVER)).filter(({ type }) => type === 'failover/phase-failed')
  expect(failed.map(({ body: of }) => `${of['phase']} ${of['code']}`)).toEqual([
    'fence run/defect',
    'fence run/defect',
    'verify run/defect',
  ])
  await world.run('c', acted(PHASE_ACTS))
  expect(await reported()).toMatchObject({
    outcome: 'done',
    unfinished: [expect.stringContaining('fence was given up: x is not a function')],
  })
})

it('is held up by no pointer that cannot be moved: it is named, and tried again afterwards', async () => {
  await writeFile(world.file('plain'), '')
  const left = { file: world.file('plain/config.json') }
  const failing = (process: Process) => {
    const whole = failingOf(world, process)
    return { ...whole, pointer: [left, ...whole.pointer] }
  }
  await world.run('b', async (process) => {
    await beginning(process)
    await carryOut(failing(process), () => undefined)
  })
  expect(await reported()).toMatchObject({
    outcome: 'done',
    unfinished: [expect.stringContaining('plain/config.json')],
  })
  expect(pointer(world)).toEqual(configOf(world, 'secondary'))
  const again = ({ parts, tenure }: Process) =>
    pointAgain({
      parts,
      tenure,
      targets: [left],
      active: (side) => shownAs(world.sides[side as 'secondary'].place),
      signal: new AbortController().signal,
      callMilliseconds: CALL,
    })
  expect(await world.run('c', again)).toEqual([left.file])
  await rm(world.file('plain'))
  const note = (type: string, more: JsonObject) =>
    world.run('x', ({ tenure }) => tenure.append('f2', { type, body: { id: 'f2', ...more } }))
  await note('failover/begun', { from: 'secondary', to: 'primary' })
  expect(await world.run('d', again)).toEqual([])
  expect(existsSync(left.file)).toBe(false)
  await note('failover/ended', { outcome: 'abandoned' })
  expect(await world.run('d', again)).toEqual([])
  expect(JSON.parse(readFileSync(left.file, 'utf8'))).toEqual(configOf(world, 'secondary'))
  expect((await world.journal(FAILOVER)).filter(({ type }) => type === 'pointer/moved')).toHaveLength(1)
  expect(await world.run('e', again)).toEqual([])
  expect(await reported()).toMatchObject({
    unfinished: [],
    pointers: expect.arrayContaining([{ target: left.file, changed: true }]),
  })
})

it('puts a checkpoint where the job that goes on has its output, also where Azure fills the place in', async () => {
  const other = worldOfTest()
  const uri = `azureml://datastores/\${{default_datastore}}/paths/\${{name}}/\${{output_name}}/`
  const { properties, ...rest } = body.job('Running') as { properties: JsonObject }
  other.sides.primary.put('job/train', { ...rest, properties: { ...properties, outputs: { model: { uri } } } })
  await other.run('a', passing())
  other.sides.primary.down = true
  const placed: string[] = []
  await other.run('b', async (process) => {
    await beginning(process)
    const placeCheckpoint: Failing['placeCheckpoint'] = async (_place, { prefix }) => {
      placed.push(prefix)
      return undefined
    }
    await carryOut({ ...failingOf(other, process), placeCheckpoint }, () => undefined)
  })
  expect(placed).toEqual([`train-${FAILOVER}/model/`])
  expect(other.sides.secondary.get(`job/train-${FAILOVER}`)).toMatchObject({
    properties: { outputs: { model: { uri } } },
  })
})

it('guards I3: puts no checkpoint over what a job that goes on may have written, however often it is asked for', async () => {
  const other = worldOfTest()
  const uri = 'azureml://datastores/work/paths/train/'
  const { properties, ...rest } = body.job('Running') as { properties: JsonObject }
  other.sides.primary.put('job/train', { ...rest, properties: { ...properties, outputs: { model: { uri } } } })
  await other.run('a', passing())
  other.sides.primary.down = true
  other.befall = ({ act, side }, moment) => {
    if (act !== 'submit' || moment === 'before') return
    other.sides[side].down = true
    throw new Fault('azure/unreachable', 'no answer came')
  }
  const placed: string[] = []
  const placeCheckpoint: Failing['placeCheckpoint'] = async (_place, { prefix }) => {
    placed.push(prefix)
    return { files: 1 }
  }
  const going = async (process: Process) => {
    if ((await other.journal(FAILOVER)).length === 0) await beginning(process)
    await carryOut({ ...failingOf(other, process), placeCheckpoint }, () => undefined)
  }
  await expect(other.run('b', going)).rejects.toMatchObject({ code: 'azure/unreachable' })
  other.leasesRunOut()
  other.befall = () => undefined
  other.sides.secondary.down = false
  await other.run('c', going)
  expect(placed).toEqual(['train/'])
  expect(submitted(other)).toEqual([`job/train-${FAILOVER}`])
  expect((await reported(other)).jobs).toEqual([expect.objectContaining({ is: 'submitted', checkpoints: ['model'] })])
})

it('guards I3: submits no job of which the ledger knows from before its side was left', async () => {
  await world.run('a', async ({ parts, tenure }) => {
    const job = parts.ledger.get('churn', 'job/train')
    if (job === undefined) throw new Error('the ledger does not have it')
    await parts.ledger.put('churn', [{ ...job, address: 'job/before', source: 'secondary' }], tenure.lease)
  })
  await world.run('b', whole(world))
  expect(submitted(world)).toEqual([`job/train-${FAILOVER}`, `job/tune-${FAILOVER}`])
})

it('gives up no phase because the lease would end too soon: whoever has the next one does it', async () => {
  world.sides.primary.down = false
  let fences = 0
  const slow = async (process: Process) => {
    await beginning(process)
    await carrying(world, (phase) => phase === 'fence' && fences++ === 0 && world.pass(LEASE - CALL))(process)
  }
  await expect(world.run('b', slow)).rejects.toMatchObject({ code: 'run/fenced' })
  world.leasesRunOut()
  await world.run('c', whole(world))
  expect(await reported()).toMatchObject({ outcome: 'done', unfinished: [] })
  expect(statusOf(world.sides.primary.get('job/train'))).toBe('Canceled')
})
