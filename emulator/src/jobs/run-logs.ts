import { createReadStream } from 'node:fs'
import { appendFile, mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Region } from '../region.ts'
import type { Job } from './records.ts'

const USER_LOG = 'user_logs/std_log.txt'
const SYSTEM_LOG = 'system_logs/lifecycler/lifecycler.log'

/**
 * The logs of a job: local files, copied to the artifacts of its run.
 *
 * What the command prints goes to the file {@link output}; what the emulator has to say about
 * the job goes to a system log.
 */
export class RunLogs {
  readonly #region: Region
  readonly #job: Job
  readonly #folder: string
  readonly #copied = new Map<string, number>()

  constructor(region: Region, job: Job, folder: string) {
    this.#region = region
    this.#job = job
    this.#folder = folder
  }

  /** File that takes standard output and standard error of the command. */
  get output(): string {
    return join(this.#folder, USER_LOG)
  }

  /** Makes the folders. First of all. */
  async open(): Promise<void> {
    await mkdir(dirname(this.output), { recursive: true })
    await mkdir(dirname(join(this.#folder, SYSTEM_LOG)), { recursive: true })
  }

  /** Writes a line into the system log. */
  async say(line: string): Promise<void> {
    await appendFile(join(this.#folder, SYSTEM_LOG), `${this.#region.clock.iso()} ${line}\n`)
  }

  /** Copies the logs that have grown since the last time. */
  async copy(): Promise<void> {
    for (const name of [USER_LOG, SYSTEM_LOG]) {
      const path = join(this.#folder, name)
      const size = (await stat(path).catch(() => undefined))?.size
      if (size === undefined || size === this.#copied.get(name)) continue
      const body = size === 0 ? Buffer.alloc(0) : createReadStream(path, { end: size - 1 })
      const { workspace } = this.#job
      const ref = {
        account: workspace.storageAccount,
        container: workspace.artifactContainer,
        name: `ExperimentRun/dcid.${this.#job.name}/${name}`,
      }
      await this.#region.blobs.put(ref, body, { contentType: 'text/plain' })
      this.#copied.set(name, size)
    }
  }
}
