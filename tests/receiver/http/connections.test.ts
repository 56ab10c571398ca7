// Which connection makes room for a new one: of the address that holds most, and never one of somebody known.

import { expect, test } from "bun:test";
import {
  type ConnectionState,
  type Connections,
  createConnections,
  type Held,
} from "../../../lib/receiver/http/connections.ts";

class Client implements Held {
  gone = false;
  hurried = false;
  constructor(
    readonly address: string,
    private readonly connections: Connections,
    state: ConnectionState,
  ) {
    connections.opened(this);
    connections.changed(this, state);
  }
  hurry(): void {
    this.hurried = true;
  }
  cut(): void {}
  destroy(): void {
    this.gone = true;
    this.connections.closed(this);
  }
}

function full(...clients: [address: string, state: ConnectionState][]): { all: Client[]; connections: Connections } {
  const connections = createConnections(clients.length);
  return { connections, all: clients.map(([address, state]) => new Client(address, connections, state)) };
}

test("one that is over goes before one that is paced, that before one of nobody known, that before one that waits", () => {
  const states = ["waiting", "unproved", "paced", "ending", "busy"] as const;
  const { all, connections } = full(...states.map((state) => ["a", state] as [string, ConnectionState]));
  const order: string[] = [];
  while (connections.makeRoom()) {
    const at = all.findIndex((client, i) => client.gone && !order.includes(states[i] ?? ""));
    order.push(states[at] ?? "");
    new Client("b", connections, "busy");
  }
  expect(order).toEqual(["ending", "paced", "unproved", "waiting"]);
});

test("the longest in its state goes first", () => {
  const { all, connections } = full(["a", "waiting"], ["a", "waiting"], ["a", "waiting"]);
  connections.changed(all[0] as Client, "waiting");
  expect(connections.makeRoom()).toBe(true);
  expect(all.map(({ gone }) => gone)).toEqual([false, true, false]);
});

test("of the address that holds most, though another one has waited longer and in a lesser state", () => {
  const { all, connections } = full(["a", "ending"], ["b", "waiting"], ["b", "waiting"], ["b", "busy"]);
  expect(connections.makeRoom()).toBe(true);
  expect(all.map(({ gone }) => gone)).toEqual([false, true, false, false]);
});

test("of the address that holds most, in whatever order they came", () => {
  const { all, connections } = full(["b", "waiting"], ["b", "waiting"], ["a", "ending"]);
  expect(connections.makeRoom()).toBe(true);
  expect(all.map(({ gone }) => gone)).toEqual([true, false, false]);
});

test("of the next one where that has only known ones at work; none at all where all are", () => {
  const { all, connections } = full(["b", "busy"], ["b", "busy"], ["a", "unproved"]);
  expect(connections.makeRoom()).toBe(true);
  expect(all.map(({ gone }) => gone)).toEqual([false, false, true]);
  new Client("a", connections, "busy");
  expect(connections.makeRoom()).toBe(false);
});

test("a stop ends those that wait for a request, and hurries all others", () => {
  const { all, connections } = full(
    ["a", "waiting"],
    ["a", "unproved"],
    ["b", "paced"],
    ["b", "ending"],
    ["b", "busy"],
  );
  connections.closeIdle();
  expect(all.map(({ gone }) => gone)).toEqual([true, false, false, false, false]);
  expect(all.slice(1).map(({ hurried }) => hurried)).toEqual([true, true, true, true]);
});
