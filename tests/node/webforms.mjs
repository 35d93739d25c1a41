// ODK Web Forms' engine, asked a line at a time: a form and submissions in, what it works out and refuses in each out.
import { createInterface } from 'node:readline';
import { JSDOM } from 'jsdom';

const { window } = new JSDOM('', { url: 'http://localhost' });
for (const name of Object.getOwnPropertyNames(window)) {
  if (!(name in globalThis)) globalThis[name] = window[name];
}
globalThis.__dirname = '.'; // the engine's bundle asks for it
console.log = console.warn = console.error = () => {}; // answers alone leave by the door

const { loadForm } = await import('@getodk/xforms-engine');

function leaves(node, found) {
  const { children, reference, instanceValue, relevant } = node.currentState;
  if (children == null) found[reference] = relevant ? instanceValue : null;
  else for (const child of children) leaves(child, found);
  return found;
}

async function work(loaded, xml) {
  const edited = { inputType: 'FORM_INSTANCE_INPUT_RESOLVABLE', resolveInstance: () => xml, attachments: new Map() };
  const { root } = await loaded.editInstance(edited);
  const refused = root.validationState.violations.map(({ reference, violation }) => [reference, violation.condition]);
  return { values: leaves(root, {}), refused };
}

async function answer({ form, submissions }) {
  const loaded = await loadForm(form);
  if (loaded.status === 'failure') return [{ error: String(loaded.error.message) }];
  const answers = [];
  for (const xml of submissions) {
    answers.push(await work(loaded, xml).catch((error) => ({ error: String(error.message || error) })));
  }
  return answers;
}

for await (const line of createInterface({ input: process.stdin })) {
  const answers = await answer(JSON.parse(line)).catch((error) => [{ error: String(error.message || error) }]);
  process.stdout.write(`${JSON.stringify(answers)}\n`);
}
