// The service worker of the phone pages: without network they open as the page of what is kept, with its files.
// VERSION and FILES are put in front by the server; another version is another worker, and takes the old one's place.
(function () {
  "use strict";
  var NAME = "ta-field-" + VERSION, SHELL = "/m/outbox", PATIENCE = 15000;

  function renew(cache) {
    return fetch(SHELL, { credentials: "same-origin", cache: "no-store" }).then(function (answer) {
      // A worker without its page would be of no use where there is no network: the next page tries to install it again.
      if (!answer.ok || answer.redirected) throw new Error("no page: " + answer.status);
      return cache.put(SHELL, answer);
    });
  }
  self.addEventListener("install", function (e) {
    e.waitUntil(caches.open(NAME).then(function (cache) {
      return Promise.all([cache.addAll(FILES), renew(cache)]);
    }).then(function () { return self.skipWaiting(); }));
  });
  self.addEventListener("activate", function (e) {
    e.waitUntil(caches.keys().then(function (names) {
      return Promise.all(names.filter(function (n) { return n.indexOf("ta-field-") === 0 && n !== NAME; }).map(function (n) { return caches.delete(n); }));
    }).then(function () { return self.clients.claim(); }));
  });

  function page(request) {
    return caches.open(NAME).then(function (cache) { return cache.match(SHELL); }).then(function (shell) {
      if (!shell) return fetch(request);
      // A line that is up and carries nothing is no line; what was sent by a form may yet arrive, so it is waited for.
      var late = request.method === "GET" ? new Promise(function (done) { setTimeout(function () { done(shell.clone()); }, PATIENCE); }) : null;
      var asked = fetch(request).catch(function () { return shell.clone(); });
      return late ? Promise.race([asked, late]) : asked;
    });
  }
  self.addEventListener("fetch", function (e) {
    var url = new URL(e.request.url);
    if (url.origin !== location.origin) return;
    if (e.request.mode === "navigate" && (url.pathname === "/m" || url.pathname.indexOf("/m/") === 0)) {
      e.respondWith(page(e.request));
    } else if (e.request.method === "GET" && url.pathname.indexOf("/static/") === 0) {
      e.respondWith(caches.match(e.request).then(function (held) { return held || fetch(e.request); }));
    }
  });

  // The browser's own word that the line is back, also when no page is open.
  self.addEventListener("sync", function (e) {
    if (e.tag === "ta-kept") e.waitUntil(self.taKept.sendAll(null, false).then(function (end) {
      if (end.state === "offline" || end.state === "broken" || end.state === "later") throw new Error(end.state);
    }));
  });
})();
