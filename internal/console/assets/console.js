// The script of the console: it moves a link's token out of the address, speaks
// WebAuthn with the browser, and keeps a form from being sent twice. Everything
// else on the pages works without it.
"use strict";

const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// publicKey makes what the browser wants of the server's options.
function publicKey(options) {
	const key = { ...options.publicKey, challenge: decode(options.publicKey.challenge) };
	if (key.user) key.user = { ...key.user, id: decode(key.user.id) };
	for (const list of ["excludeCredentials", "allowCredentials"]) {
		if (key[list]) key[list] = key[list].map((c) => ({ ...c, id: decode(c.id) }));
	}
	return key;
}

// answerOf makes what the server wants of the browser's credential.
function answerOf(credential) {
	const r = credential.response;
	const response = { clientDataJSON: encode(r.clientDataJSON) };
	for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
		if (r[name]) response[name] = encode(r[name]);
	}
	if (r.getTransports) response.transports = r.getTransports();
	return { id: credential.id, rawId: encode(credential.rawId), type: credential.type, response, clientExtensionResults: {} };
}

// post sends JSON and returns what came back; what was refused is thrown.
async function post(path, body) {
	const headers = { "Content-Type": "application/json" };
	const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), redirect: "error" });
	const out = await answer.json();
	if (!answer.ok) throw Object.assign(new Error(), { problem: out });
	return out;
}

const sentence = (text) => text ? text[0].toUpperCase() + text.slice(1) + ". " : "";

// explain says what went wrong: the server's words, else ours for the browser's.
function explain(e) {
	if (e.problem) return (sentence(e.problem.detail) + sentence(e.problem.hint)).trim();
	if (e.name === "NotAllowedError") return "The passkey was not shown: it was stopped, or took too long.";
	if (e.name === "InvalidStateError") return "This device has a passkey for the account already.";
	if (e.name === "SecurityError") return "Passkeys do not work at this address.";
	return "That did not work. Try again.";
}

// leads returns the page that a refusal leads to, if there is one.
function leads(code) {
	if (code === "step-up") return "/account/verify?for=factors";
	if (code.startsWith("session-")) return "/signin?over";
	return "";
}

async function ceremony(form) {
	const key = publicKey(await post(form.dataset.begin, {}));
	const credential = form.dataset.passkey === "create"
		? await navigator.credentials.create({ publicKey: key })
		: await navigator.credentials.get({ publicKey: key });
	return post(form.getAttribute("action"), answerOf(credential));
}

function passkeys() {
	for (const form of document.querySelectorAll("form[data-passkey]")) {
		if (!window.PublicKeyCredential) continue;
		form.hidden = false;
		const button = form.querySelector("button");
		const wrong = form.querySelector("[role=alert]");
		form.addEventListener("submit", async (event) => {
			event.preventDefault();
			button.disabled = true;
			wrong.hidden = true;
			try {
				location.assign((await ceremony(form)).to);
			} catch (e) {
				const next = leads(e.problem ? e.problem.code : "");
				if (next) {
					location.assign(next);
					return;
				}
				wrong.textContent = explain(e);
				wrong.hidden = false;
				button.disabled = false;
				button.focus();
			}
		});
	}
}

// link takes the token of a link out of the address, so that it is in no history.
function link() {
	const field = document.querySelector("form[data-link] input");
	if (!field || location.hash.length < 2) return;
	field.value = location.hash.slice(1);
	history.replaceState(null, "", location.pathname);
	field.form.querySelector("button").focus();
}

// once keeps a form from being sent twice: the second would come with what the
// first has used up.
function once() {
	for (const form of document.querySelectorAll("form:not([data-passkey])")) {
		form.addEventListener("submit", () => setTimeout(() => {
			for (const b of form.querySelectorAll("button")) b.disabled = true;
		}));
	}
	addEventListener("pageshow", () => {
		for (const b of document.querySelectorAll("button")) b.disabled = false;
	});
}

link();
passkeys();
once();
