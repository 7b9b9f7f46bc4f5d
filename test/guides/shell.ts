import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'

/** What a command said, on both streams, and how it ended. */
export interface Said {
  readonly text: string
  readonly code: number
}

/** One shell that stays open, so that variables set by a command are there for the next. */
export class Shell {
  readonly #process: ChildProcess
  readonly #mark = `end-${randomBytes(8).toString('hex')}`
  #said = ''
  #wake: () => void = () => undefined

  constructor(options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv }) {
    this.#process = spawn('bash', ['--noprofile', '--norc'], { ...options, stdio: ['pipe', 'pipe', 'pipe'] })
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said += text
        this.#wake()
      })
    }
    this.#process.on('exit', () => this.#wake())
  }

  /** Runs one line and waits until it has ended. */
  async run(line: string): Promise<Said> {
    this.#said = ''
    // Standard error goes with standard output, so that the mark comes after both.
    this.#process.stdin?.write(`{ ${line}\n} 2>&1 </dev/null; echo "${this.#mark} $?"\n`)
    const ended = new RegExp(`${this.#mark} (\\d+)\\n`)
    for (;;) {
      const found = ended.exec(this.#said)
      if (found !== null) return { text: this.#said.slice(0, found.index), code: Number(found[1]) }
      if (this.#process.exitCode !== null) return { text: this.#said, code: this.#process.exitCode }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  close(): void {
    this.#process.stdin?.end()
  }
}
