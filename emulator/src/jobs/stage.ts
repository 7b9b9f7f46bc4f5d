import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Region } from '../region.ts'
import type { Bindings } from './command-line.ts'
import { blobFolder, type Folder, type Location, parentOf } from './data/folder.ts'
import { locate, Unresolved } from './data/locations.ts'
import { bring, bringFile, Mirror } from './data/mirror.ts'
import type { Storage } from './data/storage.ts'
import { type CommandJob, DEFAULT_OUTPUT, type JobInput, type JobOutput } from './definition.ts'
import { placeOf } from './fields.ts'
import type { Job } from './records.ts'

/** The folders of a job, with everything in place for its command. */
export interface Stage {
  /** Where the command starts: the code. */
  readonly cwd: string
  readonly home: string
  readonly bindings: Bindings
  /** Folders whose files go to storage while the command runs, and again at the end. */
  readonly mounted: readonly Mirror[]
  /** Folders whose files go to storage at the end only. */
  readonly uploaded: readonly Mirror[]
}

/** What a stage is built from. */
export interface Plot {
  readonly region: Region
  readonly storage: Storage
  readonly job: Job<CommandJob>
  /** Empty folder of this job alone. */
  readonly folder: string
  readonly signal: AbortSignal
  /** Takes a sentence for the system log. */
  say(line: string): Promise<void>
}

const READING = new Set(['readonlymount', 'download', 'evalmount', 'evaldownload', ''])

/** Puts code, inputs and outputs of a job in place. Throws {@link Unresolved} for what cannot be found. */
export async function setStage(plot: Plot): Promise<Stage> {
  const { job, folder } = plot
  const cwd = join(folder, 'code')
  const home = join(folder, 'home')
  await mkdir(cwd, { recursive: true })
  await mkdir(home, { recursive: true })
  if (job.definition.codeId != null) await setCode(plot, cwd)
  const inputs: Record<string, string> = {}
  for (const [name, input] of Object.entries(job.definition.inputs ?? {})) {
    const value = await setInput(plot, name, input)
    if (value !== undefined) inputs[name] = value
  }
  const outputs: Record<string, string> = {}
  const mounted = [await artifactsOf(plot, cwd)]
  const uploaded: Mirror[] = []
  for (const [name, output] of Object.entries(job.definition.outputs)) {
    if (name === DEFAULT_OUTPUT) continue
    const set = await setOutput(plot, name, output)
    outputs[name] = set.path
    if (set.mirror !== undefined) (set.whileRunning ? mounted : uploaded).push(set.mirror)
  }
  return { cwd, home, bindings: { inputs, outputs }, mounted, uploaded }
}

async function setCode(plot: Plot, cwd: string): Promise<void> {
  const { region, job } = plot
  const location = locate(region, job.workspace, String(job.definition.codeId))
  await fetched(plot, bring(plot.storage.folder(location), cwd, plot.signal))
}

/** The value of `${{inputs.name}}`; `undefined` for an optional input without value. */
async function setInput(plot: Plot, name: string, input: JobInput): Promise<string | undefined> {
  const { region, storage, job, folder } = plot
  if (input.jobInputType === 'literal') return input.value ?? undefined
  if (input.uri == null) return undefined
  const mode = input.mode?.toLowerCase() ?? ''
  if (mode === 'direct') return input.uri
  if (!READING.has(mode))
    throw new Unresolved(`The mode '${input.mode}' of the input '${name}' is not one of an input.`)
  const location = locate(region, job.workspace, input.uri)
  const local = join(folder, 'inputs', name)
  if (!(await storage.isFile(location))) {
    await fetched(plot, bring(storage.folder(location), local, plot.signal))
    return local
  }
  const parent = parentOf(location)
  await bringFile(storage.folder(parent.folder), parent.name, join(local, parent.name))
  return join(local, parent.name)
}

async function setOutput(
  plot: Plot,
  name: string,
  output: JobOutput,
): Promise<{ readonly path: string; readonly mirror?: Mirror; readonly whileRunning: boolean }> {
  const { region, storage, job, folder } = plot
  const uri = String(placeOf(job, name))
  const mode = output.mode?.toLowerCase() ?? ''
  if (mode === 'direct') return { path: uri, whileRunning: false }
  const location = locate(region, job.workspace, uri)
  await storage.ensureContainer(location)
  const local = join(folder, 'outputs', name)
  const single = output.jobOutputType.toLowerCase() === 'uri_file' ? parentOf(location) : undefined
  const whileRunning = mode !== 'upload'
  await mkdir(local, { recursive: true })
  if (single !== undefined) {
    const mirror = new Mirror(local, onlyOne(storage, single))
    if (whileRunning) await fetched(plot, mirror.fetch(plot.signal))
    return { path: join(local, single.name), mirror, whileRunning }
  }
  const mirror = new Mirror(local, storage.folder(location))
  if (whileRunning) await fetched(plot, mirror.fetch(plot.signal))
  return { path: local, mirror, whileRunning }
}

/** A folder of storage in which only one file is seen. */
function onlyOne(storage: Storage, { folder, name }: { readonly folder: Location; readonly name: string }): Folder {
  const all = storage.folder(folder)
  return {
    ...all,
    async *list() {
      if (await storage.isFile({ ...folder, path: [folder.path, name].filter((part) => part !== '').join('/') }))
        yield name
    },
  }
}

/** What a command leaves in `./outputs` belongs to the artifacts of its run. */
async function artifactsOf({ region, job }: Plot, cwd: string): Promise<Mirror> {
  const { storageAccount, artifactContainer } = job.workspace
  await region.blobs.ensureContainer(storageAccount, artifactContainer)
  await mkdir(join(cwd, 'outputs'), { recursive: true })
  const path = `ExperimentRun/dcid.${job.name}/outputs`
  return new Mirror(
    join(cwd, 'outputs'),
    blobFolder(region, { account: storageAccount, container: artifactContainer, path }),
  )
}

async function fetched({ say }: Plot, names: Promise<readonly string[]>): Promise<void> {
  const refused = await names
  if (refused.length > 0) await say(`Not brought, because they cannot be file names: ${JSON.stringify(refused)}`)
}
