"use strict";

const EVERY = 2000;
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
const part = (id) => document.getElementById(id);
let connection = sessionStorage.getItem(token);
let timer;

async function ask(what, secret, keepalive = false) {
  const headers = { Authorization: `Bearer ${secret}` };
  const answer = await fetch(`/dev/video/${what}`, { method: "POST", headers, keepalive });
  const content = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw Object.assign(new Error(content.detail), { refused: true });
  return content;
}

function element(name, text, className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

function tile(person, me) {
  const item = document.createElement("li");
  const initials = person.name.split(/\s+/).map((word) => [...word][0]).slice(0, 2).join("").toUpperCase();
  const role = [person.is_host && "host", person.id === me.id && "you"].filter(Boolean).join(", ");
  const circle = element("span", initials, "initials");
  circle.ariaHidden = "true";
  item.append(circle, element("span", person.name), element("span", role, "role"));
  return item;
}

function show(room) {
  const here = room.people.filter((person) => person.state === "present");
  const waiting = room.people.filter((person) => person.state === "waiting");
  const clock = (instant) => new Date(instant).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  part("time").textContent = `${clock(room.starts_at)} to ${clock(room.ends_at)}`;
  say(room.admitted ? inTheRoom(here.length) : `You are in the waiting room, ${room.me.name}. You will be let in.`);
  part("people").replaceChildren(...here.map((person) => tile(person, room.me)));
  part("waiting").hidden = waiting.length === 0;
  part("waiters").replaceChildren(...waiting.map((person) => element("li", person.name)));
  part("admit").textContent = `POST /v1/appointments/${room.appointment_id}/admit`;
  part("leave").hidden = false;
}

function inTheRoom(number) {
  return number === 1 ? "You are in the room, and nobody else yet." : `${number} people are in the room.`;
}

// Said again only when it is news: a screen reader reads it out.
function say(text) {
  if (part("status").textContent !== text) part("status").textContent = text;
}

function stop(text) {
  clearInterval(timer);
  say(text);
  part("people").replaceChildren();
  part("waiting").hidden = true;
  part("leave").hidden = true;
}

async function look() {
  try {
    show(await ask("people", connection));
  } catch (error) {
    if (error.refused) stop(error.message);
    else say("The connection is lost; trying again …");
  }
}

async function start() {
  try {
    if (!connection) {
      const room = await ask("connections", token);
      connection = room.connection;
      sessionStorage.setItem(token, connection);
      show(room);
    } else {
      await look();
    }
    timer = setInterval(look, EVERY);
  } catch (error) {
    stop(error.refused ? error.message : "The server cannot be reached.");
  }
}

function leave() {
  if (connection) ask("departure", connection, true).catch(() => undefined);
}

part("leave").addEventListener("click", () => {
  leave();
  removeEventListener("pagehide", leave);
  stop("You have left. Join again to come back.");
});
addEventListener("pagehide", leave);
addEventListener("hashchange", () => location.reload());
start();
