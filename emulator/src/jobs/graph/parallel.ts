import { join } from 'node:path'
import type { JobInput } from '../definition.ts'
import { invalid, objectOr, textOr, type Values } from '../fields.ts'
import type { Component } from './component.ts'

/** Variable by which the command of a parallel step finds the program that hands out its mini-batches. */
export const DRIVER_VARIABLE = 'AZUREML_PARALLEL_DRIVER'

/** The program that hands out mini-batches. */
export const DRIVER = join(import.meta.dirname, '../process/parallel_driver.py')

/**
 * A parallel component as a command: one that runs its entry script over all mini-batches.
 *
 * `own` are the fields of the step, which go before those of the component.
 */
export function asCommand(own: Values, component: Component): Component {
  const task = { ...objectOr(component['task']), ...objectOr(own['task']) }
  const script = textOr(task['entry_script'], '')
  if (script === '') throw invalid("A parallel step needs the field 'task.entry_script'.")
  const retries = { ...objectOr(component['retry_settings']), ...objectOr(own['retry_settings']) }
  const options: Values = {
    entry_script: script,
    input: own['input_data'] ?? component['input_data'],
    mini_batch_size: own['mini_batch_size'] ?? component['mini_batch_size'],
    append_row_to: task['append_row_to'],
    max_retries: retries['max_retries'],
    error_threshold: own['error_threshold'] ?? component['error_threshold'],
    mini_batch_error_threshold: own['mini_batch_error_threshold'] ?? component['mini_batch_error_threshold'],
  }
  const given = Object.entries(options).filter(([, value]) => value != null && value !== '')
  const words = given.map(([name, value]) => `--${name} "${value}"`)
  const program = textOr(task['program_arguments'], '').trim()
  return {
    ...component,
    command: [`python3 "$${DRIVER_VARIABLE}"`, ...words, '--', program].join(' ').trim(),
    code: task['code'] ?? component['code'],
    environment: task['environment'] ?? component['environment'],
  }
}

/** Inputs of a parallel step. What Azure's program would read by itself is brought: whatever its mode, there are files. */
export function broughtInputs(inputs: Readonly<Record<string, JobInput>>): Record<string, JobInput> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => {
      const { mode, ...rest } = input
      return [name, mode?.toLowerCase() === 'direct' ? rest : input]
    }),
  )
}
