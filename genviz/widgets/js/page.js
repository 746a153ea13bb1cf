// Runs a view without a kernel: its state and answers lie in the page.

async function inflate(text) {
  const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new DataView(await new Response(stream).arrayBuffer());
}

function frozenModel({ state, answers, buffers }) {
  const listeners = new Map();
  const unpacked = new Map(); // a buffer is inflated when it is first needed
  const emit = (name, ...what) => (listeners.get(name) ?? []).forEach((listen) => listen(...what));
  const buffer = (i) => {
    if (!unpacked.has(i)) unpacked.set(i, inflate(buffers[i]));
    return unpacked.get(i);
  };
  const known = new Map(Object.entries(answers));
  return {
    frozen: true,
    answers: known,
    get: (name) => state[name],
    set(name, value) {
      state[name] = value;
      emit(`change:${name}`);
    },
    save_changes() {},
    on: (name, listen) => listeners.set(name, [...(listeners.get(name) ?? []), listen]),
    off: (name, listen) => listeners.set(name, (listeners.get(name) ?? []).filter((one) => one !== listen)),
    async send({ id, ask, with: asked }) {
      if (!ask) return;
      const answer = known.get(questionKey(ask, asked));
      if (!answer) {
        emit("msg:custom", { id, error: "This page holds no answer to that. Open the notebook to ask the model." }, []);
        return;
      }
      const found = await Promise.all(answer.buffers.map(buffer));
      emit("msg:custom", { id, data: answer.data, parts: answer.parts }, found);
    },
  };
}

const content = JSON.parse(document.getElementById("answers").textContent);
VIEW.render({ model: frozenModel(content), el: document.getElementById("view") });
