// The control API and the live feed, at addresses relative to the page.

const BASE = new URL("api/", document.baseURI);

export async function show(name, query = {}) {
  const url = new URL(name, BASE);
  for (const [key, value] of Object.entries(query)) if (value) url.searchParams.set(key, value);
  return answered(await fetch(url));
}

export async function act(name, body = {}) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  return answered(await fetch(new URL(name, BASE), options));
}

export function fileUrl(path) {
  return new URL(path, BASE).href;
}

async function answered(response) {
  const answer = await response.json().catch(() => ({ error: `The sandbox answered ${response.status}.` }));
  if (!response.ok) throw new Error(answer.error || `The sandbox answered ${response.status}.`);
  return answer;
}

// Does what a person asked for; what goes wrong is shown, not thrown.
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.message, true);
    return null;
  }
}

export function toast(text, isError = false) {
  const note = document.createElement("p");
  note.className = isError ? "toast toast-error" : "toast";
  note.dataset.testid = "toast";
  note.textContent = text;
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), 6000);
}

// Calls `hear` with every batch of news, and `hear([{platform: "hello"}])` after each (re)connection.
export function listen(hear, showState) {
  const url = new URL("live", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  let pause = 250;
  const connect = () => {
    const socket = new WebSocket(url);
    socket.onopen = () => {
      pause = 250;
      showState("live");
    };
    socket.onmessage = (event) => hear(JSON.parse(event.data));
    socket.onclose = () => {
      showState("waiting");
      setTimeout(connect, pause);
      pause = Math.min(pause * 2, 5000);
    };
  };
  connect();
}

export function readBase64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new Error(`${file.name} cannot be read.`));
    reader.readAsDataURL(file);
  });
}

export function remembered(key, fallback) {
  try {
    return JSON.parse(localStorage.getItem(`sandbox.${key}`)) ?? fallback;
  } catch {
    return fallback;
  }
}

export function forgetAll(except) {
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith("sandbox.") && !except.includes(key.slice(8))) localStorage.removeItem(key);
  } catch {
    // Nothing was kept.
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(`sandbox.${key}`, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing: the page works, it only forgets.
  }
}
