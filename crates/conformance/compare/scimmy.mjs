// A SCIM server of the libraries scimmy and scimmy-routers, with users and groups in memory.
// Usage: node scimmy.mjs PORT TOKEN

import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const [port, token] = process.argv.slice(2);

SCIMMY.Config.set({
    patch: true,
    filter: { supported: true, maxResults: 200 },
    bulk: { supported: true, maxOperations: 100, maxPayloadSize: 1048576 },
    sort: true,
    etag: false,
    changePassword: false,
});

// What the libraries leave to the application: keeping the data, ids and times, unique names, and
// what memberships mean for people.
const users = new Map();
const groups = new Map();

function shown(user) {
    const of = [...groups.values()].filter((group) => group.members?.some((m) => m.value === user.id));
    return { ...user, groups: of.map((group) => ({ value: group.id, display: group.displayName })) };
}

function forget(id) {
    for (const group of groups.values()) {
        group.members = group.members?.filter((member) => member.value !== id);
    }
}

function kept(held, unique, show = (one) => one, gone = () => {}) {
    const owner = (name) =>
        [...held.values()].find((one) => one[unique]?.toLowerCase() === name?.toLowerCase());
    return {
        ingress(resource, data) {
            const { id } = resource;
            if (id && !held.has(id)) throw new SCIMMY.Types.Error(404, null, `no ${id}`);
            const other = owner(data[unique]);
            if (other && other.id !== id) {
                throw new SCIMMY.Types.Error(409, "uniqueness", `${unique} is taken`);
            }
            const now = new Date().toISOString();
            const before = held.get(id);
            const { id: _id, meta: _meta, groups: _groups, ...plain } = JSON.parse(JSON.stringify(data));
            if (before && isDeepStrictEqual({ ...plain, id, meta: before.meta }, before)) return before;
            const created = before?.meta.created ?? now;
            const one = { ...plain, id: id ?? randomUUID(), meta: { created, lastModified: now } };
            held.set(one.id, one);
            return one;
        },
        egress(resource) {
            const { id, filter } = resource;
            if (id) {
                if (!held.has(id)) throw new SCIMMY.Types.Error(404, null, `no ${id}`);
                return show(held.get(id));
            }
            const all = [...held.values()].map(show);
            return filter ? filter.match(all) : all;
        },
        degress(resource) {
            if (!held.delete(resource.id)) {
                throw new SCIMMY.Types.Error(404, null, `no ${resource.id}`);
            }
            gone(resource.id);
        },
    };
}

SCIMMY.Resources.declare(SCIMMY.Resources.User, kept(users, "userName", shown, forget));
SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false);
SCIMMY.Resources.declare(SCIMMY.Resources.Group, kept(groups, "displayName"));

const app = express();
const routers = new SCIMMYRouters({
    type: "bearer",
    baseUri: (request) => `${request.protocol}://${request.get("host")}`,
    handler: (request) => {
        const [scheme, sent] = (request.header("Authorization") ?? "").split(" ");
        if (scheme.toLowerCase() !== "bearer" || sent !== token) throw new Error("wrong token");
    },
});
app.use("/scim", routers);
app.listen(Number(port), "127.0.0.1", () => console.log(`listening on ${port}`));
