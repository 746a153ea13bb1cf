// Questions to the kernel and their answers. On a page without a kernel `model.frozen` is true and the answers lie in
// the page; nothing else differs.

const TYPES = { float32: Float32Array, uint8: Uint8Array, int32: Int32Array, uint16: Uint16Array, uint32: Uint32Array };
const PATIENCE_MS = 4000;
const GONE = "The kernel was restarted or has ended. Run the cell again.";

class Cancelled extends Error {}

// One string for a question, equal to messages.question_key in Python.
function questionKey(what, asked) {
  const plain = (value) => {
    if (Array.isArray(value)) return `[${value.map(plain).join(",")}]`;
    if (value !== null && typeof value === "object")
      return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${plain(value[key])}`).join(",")}}`;
    return JSON.stringify(value);
  };
  return what + plain(asked);
}

// The JSON part with its buffers: {data, arrays: {name: {values, shape}}, pictures: {name: Blob}}.
function unpack(message, buffers) {
  const answer = { data: message.data ?? {}, arrays: {}, pictures: {} };
  (message.parts ?? []).forEach((part, i) => {
    const view = buffers[i];
    const bytes = view.buffer ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : view.slice(0);
    if (part.type === "picture") answer.pictures[part.name] = new Blob([bytes]);
    else answer.arrays[part.name] = { values: new TYPES[part.type](bytes), shape: part.shape };
  });
  return answer;
}

// bridge.ask("values", {gene: "ERBB2"}, {lane: "gene"}) -> Promise of an answer. In a lane only the newest question
// counts; the others end with Cancelled. `status` is told "waiting" when the kernel is silent, "" when it speaks.
function bridge(model) {
  const open = new Map();
  const newest = new Map();
  const listeners = new Map();
  const own = Math.random().toString(36).slice(2); // a widget shown twice has two bridges on one line to the kernel
  let number = 0;
  let status = () => {};
  let timer = null;
  let last = performance.now();

  const watch = () => {
    clearTimeout(timer);
    if (!open.size) return status("");
    timer = setTimeout(() => {
      const silent = [...open.values()].some((one) => !one.begun) && performance.now() - last > PATIENCE_MS - 50;
      if (silent) status("waiting");
      else if (open.size) watch();
    }, PATIENCE_MS);
  };

  const receive = (message, buffers) => {
    last = performance.now();
    if (message.event) {
      for (const listen of listeners.get(message.event) ?? []) listen(unpack(message, buffers ?? []));
      return;
    }
    const one = open.get(message.id);
    if (!one) return;
    status("");
    if ("progress" in message) {
      one.begun = true;
      one.progress?.(message.progress, message.word);
      return;
    }
    open.delete(message.id);
    watch();
    if (message.cancelled || (one.lane && newest.get(one.lane) !== message.id)) one.reject(new Cancelled());
    else if (message.error) one.reject(Object.assign(new Error(message.error), { kind: message.kind }));
    else one.resolve(unpack(message, buffers ?? []));
  };
  model.on("msg:custom", receive);

  return {
    frozen: Boolean(model.frozen),
    ask(what, asked = {}, { lane = null, progress = null } = {}) {
      const id = `${own}-${++number}`;
      if (lane) newest.set(lane, id);
      return new Promise((resolve, reject) => {
        open.set(id, { lane, progress, resolve, reject, begun: false });
        try {
          model.send({ id, of: own, ask: what, with: asked });
        } catch {
          open.delete(id);
          reject(new Error(GONE));
        }
        watch();
      });
    },
    cancel: (lane) => model.send({ cancel: lane, of: own }),
    // Can this question be answered here? With a kernel every question can.
    knows: (what, asked = {}) => !model.frozen || model.answers.has(questionKey(what, asked)),
    on(event, listen) {
      listeners.set(event, [...(listeners.get(event) ?? []), listen]);
    },
    onStatus: (listen) => (status = listen),
    close: () => {
      clearTimeout(timer);
      // Work that only this display waits for need not go on.
      const lanes = new Set([...open.values()].map((one) => one.lane).filter(Boolean));
      try {
        for (const lane of lanes) model.send({ cancel: lane, of: own });
      } catch {} // the kernel is gone
      model.off("msg:custom", receive);
    },
  };
}
