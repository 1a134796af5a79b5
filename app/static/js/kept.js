// What the phone keeps without network, by account, and how it is sent: for the pages and for their service worker.
// Nothing here touches a page. An entry is a visit or a step of a repair (its key makes it one); it goes only when the server has said so.
(function (root) {
  "use strict";
  var PATIENCE = 15000, PHOTO_PATIENCE = 120000, DAY = 86400000, SHOWN = 3 * DAY, opened = null, listeners = [];
  // What the system failed at is tried again by itself after a minute, then two, at most an hour.
  var FIRST_PAUSE = 60000, LONGEST_PAUSE = 3600000;
  // What says nothing of one entry: who asks, or how often; whoever comes next would be told the same.
  var OF_ALL = [401, 429];
  // Nor does this, at first: the token is that of a session that is over. Asked anew, with a new one, it is about the entry.
  var OTHER_SESSION = 400;
  // Photos of the places: what they are called here and as files, and how a check-out names them.
  var PLACES = { photo_pit: "pit_photo_ids", photo_top: "top_photo_ids", photo_room: "room_photo_ids" };
  // What one account left of another's is never read: every look goes by account.
  var STORES = { entries: "key", photos: "id", copies: "account", drafts: "id", marks: "name" };

  function database() {
    opened = opened || new Promise(function (done, fail) {
      var ask = indexedDB.open("ta-kept", 1);
      ask.onupgradeneeded = function () {
        Object.keys(STORES).forEach(function (name) {
          ask.result.createObjectStore(name, { keyPath: STORES[name], autoIncrement: name === "photos" });
        });
      };
      ask.onsuccess = function () {
        ask.result.onversionchange = function () { ask.result.close(); opened = null; };
        done(ask.result);
      };
      ask.onerror = function () { opened = null; fail(ask.error); };
    });
    return opened;
  }
  function doing(store, mode, work) {
    return database().then(function (db) {
      return new Promise(function (done, fail) {
        // On the disk before it is told as kept: a phone may lose its power at once.
        var way = db.transaction(store, mode, mode === "readwrite" ? { durability: "strict" } : undefined);
        var asked = work(way.objectStore(store));
        way.oncomplete = function () { done(asked && asked.result); };
        way.onerror = way.onabort = function () { fail(way.error || new Error("not kept")); };
      });
    });
  }
  var put = function (store, row) { return doing(store, "readwrite", function (s) { return s.put(row); }); };
  var get = function (store, key) { return doing(store, "readonly", function (s) { return s.get(key); }); };
  var drop = function (store, key) { return doing(store, "readwrite", function (s) { return s.delete(key); }); };
  var all = function (store) { return doing(store, "readonly", function (s) { return s.getAll(); }); };
  // An entry as it stands is changed: since it was read it may have been ended, or thrown away, by another tab.
  function changed(key, work) {
    return doing("entries", "readwrite", function (s) {
      var ask = s.get(key);
      ask.onsuccess = function () { if (ask.result && work(ask.result) !== false) s.put(ask.result); };
    });
  }
  var tell = function () { listeners.forEach(function (one) { one(); }); };
  var key = function () {
    return Array.prototype.map.call(crypto.getRandomValues(new Uint8Array(16)), function (b) { return ("0" + b.toString(16)).slice(-2); }).join("");
  };

  // --- whose

  async function me() { var held = await get("marks", "me"); return held ? held.account : null; }
  async function setMe(account) { await put("marks", { name: "me", account: account }); }

  async function entries(account) {
    var rows = await all("entries"), now = Date.now();
    var over = function (e) { return e.state === "sent" && now - e.sent_at > SHOWN; };
    rows.filter(over).forEach(function (e) { drop("entries", e.key); });
    return rows.filter(function (e) { return e.account === account && !over(e); })
      .sort(function (a, b) { return a.made - b.made; });
  }
  async function photosOf(of) { return (await all("photos")).filter(function (p) { return p.of === of; }); }
  async function dropPhotos(of) { await Promise.all((await photosOf(of)).map(function (p) { return drop("photos", p.id); })); }
  // A sheet that is being filled in: of a visit begun here ("k" + key) or on line ("v" + number), of this account.
  var draftName = function (account, of) { return account + "/" + of; };

  async function discard(entry) {
    var name = draftName(entry.account, "k" + entry.key);
    await drop("entries", entry.key);
    await dropPhotos(entry.key); await dropPhotos(name);
    await drop("drafts", name);
    tell();
  }

  // Signing out takes what was carried along and half-filled sheets; what waits to be sent stays, for its own account.
  async function signOut() {
    var account = await me();
    if (account === null) return;
    await drop("copies", account);
    var rows = await entries(account), needed = {};
    rows.forEach(function (e) {
      if (e.state === "sent") drop("entries", e.key);
      else { needed[e.key] = true; needed[draftName(account, "k" + e.key)] = true; }
    });
    await Promise.all((await all("drafts")).filter(function (d) { return d.account === account && !needed[d.id]; }).map(function (d) { return drop("drafts", d.id); }));
    await Promise.all((await all("photos")).filter(function (p) { return p.account === account && !needed[p.of]; }).map(function (p) { return drop("photos", p.id); }));
    await drop("marks", "me");
  }

  // --- sending

  // A line that is up and carries nothing is no line: what is not answered in time is given up and counts as unsent.
  async function within(patience, url, options) {
    var given = new AbortController(), timer = setTimeout(function () { given.abort(); }, patience);
    try {
      var answer = await fetch(url, Object.assign({ signal: given.signal }, options));
      // The headers may come and the rest not.
      var body = answer.type === "opaqueredirect" ? null : await answer.arrayBuffer();
      return { status: answer.status, ok: answer.ok, type: answer.type, json: async function () { return JSON.parse(new TextDecoder().decode(body)); } };
    } finally { clearTimeout(timer); }
  }
  async function asked(url, options) {
    var more = Object.assign({ credentials: "same-origin", cache: "no-store", redirect: "error" }, options);
    more.headers = Object.assign({ Accept: "application/json" }, more.headers);
    return within(more.body instanceof FormData ? PHOTO_PATIENCE : PATIENCE, url, more);
  }
  async function who() {
    var answer;
    try { answer = await asked("/m/outbox.json"); } catch (e) { return { state: "offline" }; }
    if (answer.status === 401 || answer.status === 403) return { state: "signin" };
    if (!answer.ok) return { state: "offline" };
    var told = await answer.json();
    if (told.account !== await me()) { await setMe(told.account); tell(); }
    return { state: "here", account: told.account, csrf: told.csrf };
  }

  async function sendPhotos(entry, here) {
    var rows = await photosOf(entry.key);
    for (var i = 0; i < rows.length; i++) {
      var one = rows[i];
      if (one.sent) continue;
      var form = new FormData();
      form.append("kind", { label: "label", labelout: "label_out", selfie: "selfie" }[one.part] || (PLACES[one.part] ? one.part : "photo"));
      form.append("file", new Blob([one.bytes], { type: one.type }), one.name);
      var answer = await asked("/files/", { method: "POST", body: form, headers: { "X-CSRFToken": here.csrf } });
      if (answer.status !== 201) {
        var why = await unmade(answer);
        // The door of files says why in words alone.
        why.errors = why.errors.map(function (e) { return typeof e === "string" ? { rule: one.name, found: e, remedy: "" } : e; });
        return why;
      }
      one.sent = (await answer.json()).id;
      await put("photos", one);
    }
    return null;
  }

  async function bodyOf(entry) {
    var photos = await photosOf(entry.key), ids = function (part) {
      return photos.filter(function (p) { return p.part === part && p.sent; }).map(function (p) { return p.sent; });
    };
    var body = { key: entry.key, contact: entry.contact, visit_id: entry.visit_id || null, item_version: (entry.lift && entry.lift.item_version) || "", check_in: null, check_out: null };
    if (entry.began) body.check_in = Object.assign({}, entry.began, { photo_ids: ids("in"), label_photo_ids: ids("label"), selfie_ids: ids("selfie") });
    if (entry.ended) body.check_out = Object.assign({}, entry.ended, {
      photo_ids: (entry.ended.photo_ids || []).concat(ids("out")), label_photo_ids: (entry.ended.label_photo_ids || []).concat(ids("labelout")),
    });
    if (entry.ended) Object.keys(PLACES).forEach(function (kind) { body.check_out[PLACES[kind]] = (entry.ended[PLACES[kind]] || []).concat(ids(kind)); });
    return body;
  }

  async function told(url, sent, here) {
    var answer = await asked(url, {
      method: "POST", body: JSON.stringify(sent), headers: { "Content-Type": "application/json", "X-CSRFToken": here.csrf },
    });
    return answer.status === 200 ? (await answer.json()).entries[0] : unmade(answer);
  }
  // An answer that is about this entry alone, as the doors tell of one: why not, or only the status where no words came.
  async function unmade(answer) {
    if (answer.status === OTHER_SESSION || OF_ALL.indexOf(answer.status) >= 0) throw Object.assign(new Error("answered " + answer.status), { status: answer.status });
    var said = await answer.json().catch(function () { return {}; });
    return { ok: false, status: answer.status, errors: said && said.errors && said.errors.length ? said.errors : [{ status: answer.status }] };
  }
  // What was not taken stays. A refusal waits for its owner; what the system failed at waits for its hour, longer each time.
  async function stays(entry, why) {
    var now = Date.now(), state = entry.state, ended = Boolean(entry.ended);
    await changed(entry.key, function (row) {
      // What was said is not about what it has become.
      if (row.state !== state || Boolean(row.ended) !== ended) return false;
      var times = why.status >= 500 ? (row.times || 0) + 1 : 0;
      Object.assign(row, { errors: times ? null : why.errors, tried: now, again: false, times: times, failed: times ? why.errors : null });
      row.later = times ? now + Math.min(LONGEST_PAUSE, FIRST_PAUSE * Math.pow(2, Math.min(times, 9) - 1)) : 0;
      if (!times) row.state = row.ended || row.kind ? "refused" : "running";
    });
  }

  // A step of a repair: nothing goes with it.
  async function sendStep(entry, here) {
    var step = Object.assign({ key: entry.key, contact: entry.contact, order_id: entry.order, verb: entry.verb }, entry.step);
    var one = await told("/api/v1/repairs/offline", { phone_at: new Date().toISOString(), entries: [step] }, here);
    if (!one.ok) return stays(entry, one);
    await put("entries", Object.assign(entry, { state: "sent", errors: null, failed: null, later: 0, sent_at: Date.now(), repair: one.repair }));
  }

  // One entry: photos first, each kept as sent; then the visit, which the server knows by its key.
  async function sendOne(entry, here) {
    if (entry.kind === "repair") return sendStep(entry, here);
    var wrong = await sendPhotos(entry, here);
    if (!wrong) {
      var sent = { phone_at: new Date().toISOString(), entries: [await bodyOf(entry)] };
      var one = await told("/api/v1/visits/offline", sent, here);
      if (one.ok) return arrived(entry, one.visit);
      if (one.status === 404 && (await photosOf(entry.key)).some(function (p) { return p.sent; }) && !entry.again) {
        // Photos that nobody took within a day are gone there; here they are not.
        (await photosOf(entry.key)).forEach(function (p) { p.sent = null; put("photos", p); });
        entry.again = true;
        await changed(entry.key, function (row) { row.again = true; });
        return sendOne(entry, here);
      }
      wrong = one;
    }
    await stays(entry, wrong);
  }

  // As whoever is signed in now, which is told. Without an answer, or with one that cannot be read, who is here is asked: if
  // that is answered the line carries, and what is wrong is this entry's alone.
  async function attempt(entry, here) {
    var why = null;
    try { await sendOne(entry, here); return here; } catch (e) { why = e; }
    if (why.status && why.status !== OTHER_SESSION) throw why;
    var now = await who();
    if (now.state === "offline") throw why;
    if (now.state !== "here" || now.account !== entry.account) throw Object.assign(new Error("signed out"), { status: 401 });
    if (!why.status) { await stays(entry, { status: 503, errors: [{ status: 0 }] }); return now; }
    try { await sendOne(entry, now); } catch (e) {
      if (e.status !== OTHER_SESSION) throw e;
      await stays(entry, { status: e.status, errors: [{ status: e.status }] });
    }
    return now;
  }

  // Whether one before it failed without which it would be refused, and then wait for its owner: a step of the same order;
  // the end of a visit that the system holds open, over which no other begins.
  function behind(entry, rows) {
    return rows.some(function (e) {
      if (e.made >= entry.made || !e.failed) return false;
      return entry.kind === "repair" ? e.order === entry.order : !e.kind && Boolean(e.visit_id);
    });
  }

  async function arrived(entry, visit) {
    if (!entry.ended) {
      var stands = await get("entries", entry.key);
      // Ended, or thrown away, while its beginning was on its way: what stands goes next, and the system knows its key.
      if (!stands || stands.ended) return;
      // Its beginning is there: from now on it is a visit like one begun on line, with the sheet as far as it is filled in.
      var old = draftName(entry.account, "k" + entry.key), draft = await get("drafts", old);
      if (draft) {
        await put("drafts", Object.assign(draft, { id: draftName(entry.account, "v" + visit.id) }));
        await drop("drafts", old);
      }
      var copy = await get("copies", entry.account);
      if (copy) {
        copy.running = Object.assign({}, entry.lift, { visit_id: visit.id, began_at: visit.checked_in_at, contact: entry.contact });
        await put("copies", copy);
      }
      await Promise.all((await photosOf(old)).map(function (p) { return put("photos", Object.assign(p, { of: draftName(entry.account, "v" + visit.id) })); }));
      await dropPhotos(entry.key);
      await put("entries", { key: entry.key, account: entry.account, made: entry.made, lift: entry.lift, state: "sent", began_at: entry.began_at, sent_at: Date.now(), visit: visit });
      return;
    }
    var copied = await get("copies", entry.account);
    if (copied && copied.running && (copied.running.visit_id === visit.id)) { copied.running = null; await put("copies", copied); }
    await dropPhotos(entry.key);
    await drop("drafts", draftName(entry.account, "k" + entry.key));
    await drop("drafts", draftName(entry.account, "v" + visit.id));
    await put("entries", {
      key: entry.key, account: entry.account, made: entry.made, lift: entry.lift, state: "sent", began_at: entry.began_at,
      ended_at: entry.ended_at, sent_at: Date.now(), visit: visit,
    });
  }

  // In their order, one after the other; what is not taken stays and the next goes on. Only a broken line, a login that has
  // run out or too many calls end the round. `skip`: the key of the visit whose sheet is open; `begun`: whether beginnings go
  // as well as whole visits; `now`: also what has not waited long enough since the system failed at it.
  async function round(skip, begun, now) {
    // What a page is trying to send by itself is its own until then.
    var open = function (e) { return !(e.held > Date.now()) && (e.state === "waiting" || (begun && e.state === "running" && !e.errors)); };
    var due = function (e) { return open(e) && (now || !(e.later > Date.now())); };
    var mine = (await all("entries")).some(function (e) { return due(e) || (begun && e.state === "running"); });
    if (!mine) return { state: "nothing" };
    var here = await who();
    if (here.state !== "here") return here;
    // Whoever is signed in now sends what is his own; the rest waits for its account.
    var rows = (await entries(here.account)).filter(function (e) {
      return e.key !== skip && due(e);
    });
    for (var i = 0; i < rows.length; i++) {
      // Another tab, or the worker, may have sent it while this one waited for its turn.
      var entry = await get("entries", rows[i].key);
      if (!entry || (entry.state !== "waiting" && entry.state !== "running")) continue;
      if (behind(entry, await entries(here.account))) continue;
      try { here = await attempt(entry, here); } catch (e) { tell(); return e.status === 401 ? { state: "signin" } : { state: "broken", error: String(e) }; }
      tell();
    }
    var left = (await entries(here.account)).filter(function (e) { return e.key !== skip && e.failed && open(e); });
    return { state: left.length ? "later" : "done", sent: rows.length };
  }
  function sendAll(skip, begun, now) {
    // One sender on this phone: pages and the worker take turns.
    if (root.navigator && navigator.locks) return navigator.locks.request("ta-kept-send", function () { return round(skip, begun, now); });
    return round(skip, begun, now);
  }

  // What is taken along; the server's word on when this was.
  async function refresh(account) {
    var answer = await asked("/api/v1/visits/offline?phone_at=" + encodeURIComponent(new Date().toISOString()));
    if (!answer.ok) return null;
    var copy = await answer.json();
    if (copy.account_id !== account) return null;
    copy.account = account; copy.kept = Date.now();
    await put("copies", copy);
    return copy;
  }

  root.taKept = {
    me: me, who: who, setMe: setMe, entries: entries, put: put, get: get, drop: drop, photosOf: photosOf, dropPhotos: dropPhotos, discard: discard,
    within: within, PLACES: PLACES, PATIENCE: PATIENCE, draftName: draftName, signOut: signOut, sendAll: sendAll, refresh: refresh, key: key, tell: tell,
    onchange: function (one) { listeners.push(one); },
  };
})(self);
