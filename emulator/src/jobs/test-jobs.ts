import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, TestRegion } from '../ml/test-region.ts'
import { workspaceOf } from '../ml/workspace-of.ts'

/** A region with a workspace, a one-node cluster and an environment, for tests that run jobs. */
export class JobRegion extends TestRegion {
  workspaceId = ''

  async prepare(nodes = 1): Promise<void> {
    this.workspaceId = await this.workspace('ws')
    await this.made('environments/env/versions/1', { image: 'python' })
    await this.made('computes/cluster', {
      computeType: 'AmlCompute',
      properties: { vmSize: 'STANDARD_DS3_V2', scaleSettings: { minNodeCount: 0, maxNodeCount: nodes } },
    })
  }

  /** Container of `workspaceblobstore`. */
  get container(): string {
    return workspaceOf(this.region, this.workspaceId).blobContainer
  }

  at(path: string): string {
    return `${this.workspaceId}/${path}`
  }

  /** PUTs a resource of the workspace and waits for its end. */
  async made(path: string, properties: unknown): Promise<Answer> {
    const answer = await this.ask('PUT', this.at(path), { location: 'eastus2', properties })
    if (answer.status > 201) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    if (answer.headers['azure-asyncoperation'] !== undefined) await this.ended(answer)
    return answer
  }

  /** A command job as its properties are sent. */
  command(command: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return {
      jobType: 'Command',
      command,
      environmentId: this.at('environments/env/versions/1'),
      computeId: this.at('computes/cluster'),
      ...more,
    }
  }

  /** Submits a job that prints, reads and writes with the shell. */
  async submit(name: string, command: string, more: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
    return this.made(`jobs/${name}`, this.command(command, more))
  }

  async status(name: string): Promise<string> {
    return String((await this.ask('GET', this.at(`jobs/${name}`))).at('properties.status'))
  }

  async reaches(name: string, ...wanted: readonly string[]): Promise<string> {
    return this.until(`${name} is ${wanted.join(' or ')}`, async () => {
      const status = await this.status(name)
      return wanted.includes(status) ? status : undefined
    })
  }

  /** Asks again until there is an answer, for at most 20 seconds. */
  async until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
    const deadline = Date.now() + 20_000
    for (;;) {
      const answer = await ask()
      if (answer !== undefined) return answer
      if (Date.now() > deadline) throw new Error(`it did not come to pass within 20 s: ${what}`)
      await sleep(25)
    }
  }

  /** Text of a blob of the workspace's default container; `undefined` where it is not there. */
  async stored(path: string, container?: string): Promise<string | undefined> {
    const ref = { account: 'teststore', container: container ?? this.container, name: path }
    return (await this.region.blobs.read(ref, 1e9))?.toString('utf8')
  }

  async put(path: string, text: string): Promise<void> {
    await this.region.blobs.put({ account: 'teststore', container: this.container, name: path }, Buffer.from(text))
  }
}
