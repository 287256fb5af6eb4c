// Starting and stopping recordings, of calls and of the heap.

const DURATIONS = [["", "until stopped"], ["10", "for 10 s"], ["60", "for 1 min"], ["300", "for 5 min"], ["900", "for 15 min"]];

function select(label, options, chosen) {
  const box = el("select");
  box.setAttribute("aria-label", label);
  for (const [value, text] of options) {
    const option = el("option", "", text);
    option.value = value;
    box.append(option);
  }
  box.value = chosen;
  return box;
}

function button(text, meaning, onClick) {
  const made = el("button", "", text);
  made.type = "button";
  made.title = meaning;
  made.addEventListener("click", onClick);
  return made;
}

// A button that has to be pressed twice, since what it does cannot be taken back.
function sureButton(text, question, meaning, onSure) {
  let timer = 0;
  const calm = () => { clearTimeout(timer); made.textContent = text; made.classList.remove("sure"); };
  const made = button(text, meaning, () => {
    if (made.classList.contains("sure")) { calm(); return onSure(); }
    made.textContent = question;
    made.classList.add("sure");
    timer = setTimeout(calm, 5000);
  });
  made.addEventListener("blur", calm);
  return made;
}

// The bar of one recording. `what` is its place below control/, `settings` the elements by the names they are sent as,
// `sent()` those to be sent now; `changed()` is called when the service has done as asked.
function makeRecording(box, { what, nouns, settings, sent, describe, changed }) {
  const state = el("span", "state"), dot = el("span", "dot");
  const start = button("Start", `Begin to record ${nouns}`, () => run("start", sent()));
  const stop = button("Stop", `Stop recording ${nouns}`, () => run("stop", {}));
  const reset = sureButton("Reset", "Reset: sure?", `Forget what was recorded of ${nouns}`, () => run("reset", {}));
  const words = el("span", "words");
  state.append(dot, words);
  box.className = "recording";
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", `Recording of ${nouns}`);
  box.replaceChildren(state, ...settings, start, stop, reset);

  async function run(verb, query) {
    const hadFocus = box.contains(document.activeElement);
    box.setAttribute("aria-busy", "true");
    try {
      await ask("POST", `control/${what}/${verb}`, query);
      status.worked(`control ${what}`);
      status.say({ start: `Recording ${nouns}.`, stop: `Stopped recording ${nouns}.`, reset: `Forgot what was recorded of ${nouns}.` }[verb]);
      await changed(verb);
    } catch (problem) {
      failed(`control ${what}`, problem);
    } finally {
      box.removeAttribute("aria-busy");
      // Start has become Stop, or the other way round.
      if (hadFocus && !document.activeElement?.offsetParent) (stop.hidden ? start : stop).focus();
    }
  }

  return {
    // null where the state is not known: then both may be tried.
    show(now) {
      const isOn = now !== null && now.on, can = now === null || now.installed !== false;
      dot.className = `dot ${isOn ? "on" : ""}`;
      const left = now && now.on && now.left !== null ? `, ${duration(now.left)} left` : "";
      words.textContent = now === null ? `Recording of ${nouns}: not known` : describe(now) + left;
      start.hidden = isOn || !can;
      stop.hidden = now !== null && !now.on;
      // What is not recorded of the heap is not kept, either.
      reset.hidden = !can || (what === "heap" && now !== null && !now.on);
      for (const setting of settings) setting.hidden = isOn || !can || setting.dataset.unfit === "true";
    },
  };
}

function makeTimeRecording(box, changed) {
  const time = select("How long", DURATIONS, "");
  return makeRecording(box, {
    what: "time", nouns: "calls", settings: [time], changed,
    sent: () => ({ duration: time.value }),
    describe: now => (now.on ? "Recording calls" : "Calls are not recorded"),
  });
}

function makeHeapRecording(box, changed) {
  const mode = select("What is recorded of the heap", [["sample", "a sample, with stacks"], ["exact", "every block, with stacks"], ["paths", "every block, by call path"]], "sample");
  const rate = select("Bytes between samples", [["65536", "every 64 KiB"], ["524288", "every 512 KiB"], ["4194304", "every 4 MiB"]], "524288");
  const frames = el("label", "frames", ""), number = el("input", "text");
  const time = select("How long", DURATIONS, "");
  Object.assign(number, { type: "number", min: "1", max: "128", value: "25" });
  frames.append(number, " frames");
  const fit = () => {
    rate.dataset.unfit = mode.value !== "sample";
    frames.dataset.unfit = mode.value !== "exact";
    rate.hidden = mode.hidden || mode.value !== "sample";
    frames.hidden = mode.hidden || mode.value !== "exact";
  };
  mode.addEventListener("change", fit);
  fit();
  return makeRecording(box, {
    what: "heap", nouns: "the heap", settings: [mode, rate, frames, time], changed,
    sent: () => ({
      mode: mode.value, rate: mode.value === "sample" ? rate.value : "", frames: mode.value === "exact" ? number.value : "",
      duration: time.value,
    }),
    describe: now => (!now.installed ? "The tracking allocator is not installed" : now.on ? `Recording the heap: ${modeWords(now.mode)}` : "The heap is not recorded"),
  });
}

function modeWords(mode) {
  const [kind, argument] = mode.split(":");
  if (kind === "exact") return `every block${argument ? `, ${argument} frames` : ""}`;
  if (kind === "sample") return `a sample${argument ? `, every ${argument.replace(/(\d)(\D)/, "$1\u00a0$2")}` : ""}`;
  return kind === "paths" ? "every block, by call path" : mode;
}
