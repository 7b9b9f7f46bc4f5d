import { afterAll, beforeAll, expect, it } from 'vitest'
import { JobRegion } from '../test-jobs.ts'

process.env['EMULATOR_ALLOCATION_SECONDS'] = '0.05'
const at = new JobRegion()

const SCRIPT = `
import argparse, os
def init():
    global given
    options = argparse.ArgumentParser()
    options.add_argument("--word")
    given, _ = options.parse_known_args()
def run(files):
    if any("bad" in open(file).read() for file in files):
        raise ValueError("a bad file")
    return [f"{given.word} {os.path.basename(file)} {len(files)}" for file in files]
`

beforeAll(async () => {
  await at.open()
  await at.prepare(2)
  await at.put('code/score.py', SCRIPT)
  const codeUri = `https://teststore.blob.core.windows.net/${at.container}/code`
  await at.made('codes/score/versions/1', { codeUri })
  await at.made('components/scoring/versions/1', {
    componentSpec: {
      type: 'parallel',
      inputs: { files: { type: 'uri_folder' }, word: { type: 'string', default: 'scored' } },
      outputs: { rows: { type: 'uri_file' } },
      input_data: `\${{inputs.files}}`,
      mini_batch_size: '2',
      mini_batch_error_threshold: 0,
      retry_settings: { max_retries: 0 },
      task: {
        type: 'run_function',
        code: at.at('codes/score/versions/1'),
        entry_script: 'score.py',
        environment: at.at('environments/env/versions/1'),
        program_arguments: `--word \${{inputs.word}}`,
        append_row_to: `\${{outputs.rows}}`,
      },
    },
  })
})
afterAll(() => at.end())

function pipeline(folder: string, more: Readonly<Record<string, unknown>> = {}) {
  const uri = `azureml://datastores/workspaceblobstore/paths/${folder}/`
  const inputs = { files: { uri, job_input_type: 'uri_folder', mode: 'Direct' } }
  const outputs = { rows: { value: `\${{parent.outputs.rows}}`, type: 'literal' } }
  const step = { type: 'parallel', componentId: at.at('components/scoring/versions/1'), inputs, outputs, ...more }
  return {
    jobType: 'Pipeline',
    jobs: { score: step },
    outputs: {
      rows: { jobOutputType: 'uri_file', uri: `azureml://datastores/workspaceblobstore/paths/${folder}.txt` },
    },
    settings: { default_compute: at.at('computes/cluster') },
  }
}

it('runs the entry script of a parallel step over mini-batches of files and appends its rows', async () => {
  for (const name of ['a', 'b', 'c']) await at.put(`good/${name}.csv`, name)
  await at.made('jobs/scoring', pipeline('good'))
  expect(await at.reaches('scoring', 'Completed', 'Failed')).toBe('Completed')
  expect(await at.stored('good.txt')).toBe('scored a.csv 2\nscored b.csv 2\nscored c.csv 1\n')
})

it('fails a parallel step once more mini-batches have failed than its threshold allows', async () => {
  await at.put('mixed/a.csv', 'bad')
  await at.put('mixed/b.csv', 'good')
  await at.put('mixed/c.csv', 'good')
  await at.made('jobs/strict', pipeline('mixed'))
  expect(await at.reaches('strict', 'Completed', 'Failed')).toBe('Failed')
  await at.made('jobs/lenient', pipeline('mixed', { mini_batch_error_threshold: 1 }))
  expect(await at.reaches('lenient', 'Completed', 'Failed')).toBe('Completed')
  expect(await at.stored('mixed.txt')).toBe('scored c.csv 1\n')
})
