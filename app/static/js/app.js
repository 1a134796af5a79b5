// Small, own, no build. Everything works without it except what says so; nothing inline, for the page's policy forbids it.
(function () {
  "use strict";
  var $ = function (s, root) { return (root || document).querySelector(s); };
  var all = function (s, root) { return Array.prototype.slice.call((root || document).querySelectorAll(s)); };
  var token = ($('meta[name="csrf-token"]') || {}).content;
  var says = function (chinese, english) { return document.documentElement.lang === "en" ? english : chinese; };

  // What sends and shows files is fetched by pages that have any.
  var me = document.currentScript;
  if (me && me.dataset.files && $("[data-upload], [data-file], a[data-preview]")) {
    var more = document.createElement("script");
    more.src = me.dataset.files; more.nonce = me.nonce; document.body.appendChild(more);
  }

  // Menu drawer on narrow screens.
  all("[data-drawer]").forEach(function (button) {
    var side = document.getElementById(button.getAttribute("aria-controls"));
    var set = function (open) { side.classList.toggle("is-open", open); button.setAttribute("aria-expanded", open); };
    button.addEventListener("click", function (e) { e.stopPropagation(); set(!side.classList.contains("is-open")); });
    document.addEventListener("click", function (e) { if (!side.contains(e.target)) set(false); });
    button.addEventListener("click", function () { var first = $("a", side); if (first && side.classList.contains("is-open")) first.focus(); });
    document.addEventListener("keydown", function (e) {
      if (e.key === "Escape" && side.classList.contains("is-open")) { set(false); button.focus(); }
    });
  });

  // Where one is stands in sight, however long the menu.
  var here = $(".ta-menu [aria-current]");
  if (here) { var roll = here.parentNode; if (here.offsetTop + 80 > roll.clientHeight) roll.scrollTop = here.offsetTop - roll.clientHeight / 2; }

  // What finds no room in its row stands under 更多, the last of it first.
  var gather = function (row, high, more, links, looks) {
    if (!more) {
      more = document.createElement("details"); more.className = "ta-drop ta-drop--left " + (looks ? "" : "ta-tabs__more");
      more.innerHTML = '<summary class="' + looks + '"></summary><div class="ta-drop__box"></div>';
      more.firstChild.textContent = says("更多", "More"); row.appendChild(more);
    }
    links.reverse().every(function (a) {
      if (row.offsetHeight < high) return false;
      a.classList.remove("ta-btn");
      more.lastElementChild.insertBefore(a, more.lastElementChild.firstChild);
      return true;
    });
    return more;
  };
  // A second row of tabs is read by nobody (words of other languages are longer).
  if (matchMedia("(min-width: 861px)").matches) all("nav.ta-tabs").forEach(function (row) {
    var one = $("a", row), high = one ? one.offsetHeight * 1.5 : 0, more = $(".ta-tabs__more", row);
    if (!one || row.offsetHeight < high || $(".ta-push", row)) return;
    more = gather(row, high, more, all("a", row).filter(function (a) { return a.parentNode === row && !a.hasAttribute("aria-current"); }), "");
    // At the row's end it opens to the left, within the page.
    if (more.offsetLeft + 280 > row.clientWidth) more.classList.remove("ta-drop--left");
  });
  // On the phone the page's main deed comes first, and beside it what has room in its row.
  if (matchMedia("(max-width: 600px)").matches) all(".ta-head > .ta-row").forEach(function (row) {
    var main = $(".ta-btn--main", row), high = 76, links;
    for (; main && main.parentNode !== row;) main = main.parentNode;
    if (main) row.insertBefore(main, row.firstChild);
    links = all("a.ta-btn:not(.ta-btn--main)", row).filter(function (a) { return a.parentNode === row; });
    if (row.offsetHeight > high && links.length > 1) gather(row, high, null, links, "ta-btn");
  });

  // Of a row of tabs the open one is seen, on the phone too.
  all(".ta-page :is(.ta-tabs, .ta-seg) > [aria-current], .fd-kinds > [aria-current]").forEach(function (one) {
    var at = one.getBoundingClientRect(), row = one.parentNode.getBoundingClientRect();
    if (at.right > row.right) one.parentNode.scrollLeft += at.left - row.left - 48;
  });

  all("[data-theme-toggle]").forEach(function (button) {
    button.addEventListener("click", function () {
      var root = document.documentElement;
      var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      try { localStorage.setItem("ta-theme", root.dataset.theme); } catch (e) { /* private mode keeps nothing */ }
    });
  });

  // A table is named by the heading above it, for who hears it instead of seeing where it stands.
  all("table.ta-t, table.ta-diff").forEach(function (table) {
    var card = table.closest(".ta-card"), heading = (card && $("h2", card)) || $("h1");
    if (heading && !$("caption", table) && !table.hasAttribute("aria-label")) table.setAttribute("aria-label", heading.textContent.trim());
  });

  // A table of facts becomes cards on a phone, as lists do: each cell says by itself what it is.
  all("[data-cards]").forEach(function (box) {
    var heads = all("thead tr:last-child > *", box);
    all("tbody tr, tfoot tr", box).forEach(function (row) {
      var at = 0;
      all("td, th", row).forEach(function (cell) {
        var word = heads[at] && !$(".ta-vh", heads[at]) && heads[at].textContent.trim();
        if (!cell.children.length && /^—?$/.test(cell.textContent.trim())) cell.classList.add("ta-none");
        if (word && cell.colSpan === 1 && !cell.dataset.label && !cell.matches(".key, .sel, th")) cell.dataset.label = word;
        at += cell.colSpan;
      });
    });
    box.classList.add("ta-tw--cards");
  });

  // No line ends within a day: a browser breaks behind hyphens, also where only digits stand around them. What lays its
  // parts out side by side keeps them as they are: the words around a day would become columns.
  var DAY = /\d{4}-\d\d-\d\d/, main = $("main"), texts = [];
  if (main && DAY.test(main.textContent)) {
    for (var walk = document.createTreeWalker(main, NodeFilter.SHOW_TEXT); walk.nextNode();) {
      var around = walk.currentNode.parentNode;
      if (!DAY.test(walk.currentNode.data) || around.matches(".ta-nw, time, option, textarea, script")) continue;
      if (!/flex|grid/.test(getComputedStyle(around).display)) texts.push(walk.currentNode);
    }
  }
  texts.forEach(function (text) {
    for (var at; (at = DAY.exec(text.data)); ) {
      var day = text.splitText(at.index), kept = document.createElement("span");
      text = day.splitText(10); kept.className = "ta-nw";
      day.parentNode.replaceChild(kept, day); kept.appendChild(day);
    }
  });

  // A row of a list opens from anywhere in it as from its first column; who marks text, ticks, or means another link does not.
  document.addEventListener("click", function (e) {
    var row = !e.defaultPrevented && !e.ctrlKey && !e.metaKey && !e.shiftKey && e.target.closest(".ta-tw--page .ta-t tbody tr");
    if (!row || e.target.closest("a, button, label, input, select, textarea, summary, td:has(.ta-cb)") || String(getSelection())) return;
    var way = $("td.key a[href]", row);
    if (way) way.click();
  });

  // What scrolls sideways can be scrolled by key.
  var reach = function () {
    all(".ta-tw").forEach(function (box) {
      var table = $("table", box);
      // A little less room between columns often does it; else the table scrolls.
      var wide = function () { return !!table && table.offsetWidth > box.clientWidth; };
      box.classList.remove("is-tight");
      var high = table ? table.offsetHeight : 0, broad = wide();
      box.classList.add("is-tight");
      // It also saves a line of what would wrap; where it saves nothing the columns keep their room.
      if (!broad && !(table && table.offsetHeight < high)) box.classList.remove("is-tight");
      box.classList.toggle("is-wide", wide());
      // The head of what stays in place stays with it.
      var key = $("tbody td.key", box);
      if (key && table.tHead && table.tHead.rows[0].cells[key.cellIndex]) table.tHead.rows[0].cells[key.cellIndex].classList.add("key");
      if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) {
        box.tabIndex = 0;
        if (!box.hasAttribute("role") && table && table.hasAttribute("aria-label")) {
          box.setAttribute("role", "region"); box.setAttribute("aria-label", table.getAttribute("aria-label"));
        }
      }
    });
  };
  // Of figures side by side the numbers stand in one line, also where a label takes two.
  var level = function () {
    var lines = {};
    all(".ta-figs .t").forEach(function (label) {
      label.style.minHeight = "";
      var top = Math.round(label.getBoundingClientRect().top + scrollY);
      (lines[top] = lines[top] || []).push(label);
    });
    Object.keys(lines).map(function (top) {
      return Math.max.apply(null, lines[top].map(function (label) { return label.offsetHeight; }));
    }).forEach(function (high, at) {
      lines[Object.keys(lines)[at]].forEach(function (label) { label.style.minHeight = high + "px"; });
    });
  };
  reach(); level();
  addEventListener("resize", function () { reach(); level(); });

  // An open drop-down closes when one looks elsewhere.
  document.addEventListener("click", function (e) {
    all("details.ta-drop[open]").forEach(function (d) { if (!d.contains(e.target)) d.open = false; });
  });
  document.addEventListener("keydown", function (e) {
    if (e.key === "Escape") all("details.ta-drop[open]").forEach(function (d) { d.open = false; $("summary", d).focus(); });
    if (e.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
      var box = $("#global-search"); if (box) { e.preventDefault(); box.focus(); }
    }
  });

  // Along tabs by arrow keys as well.
  document.addEventListener("keydown", function (e) {
    var step = { ArrowRight: 1, ArrowLeft: -1 }[e.key], row = step && e.target.closest && e.target.closest(".ta-tabs, .ta-seg");
    if (!row || !e.target.matches("a, button, summary")) return;
    var links = all("a, button, summary", row).filter(function (one) { return one.offsetParent; }), to = links[(links.indexOf(e.target) + step + links.length) % links.length];
    e.preventDefault(); to.focus();
  });

  // A question in a dialog: Esc and 取消 lead back to where one was.
  var open = function (box, name, submitter, then) {
    var from = document.activeElement;
    if (!from || from === document.body) from = submitter;
    box.className = "ta-dialog"; box.setAttribute("aria-labelledby", name);
    document.body.appendChild(box);
    var back = function (e) { e.preventDefault(); if (then) then(); box.remove(); if (from) from.focus(); };
    $("[data-no]", box).addEventListener("click", back);
    box.addEventListener("cancel", back);
    box.showModal();
  };
  // <form data-ask-first>: the server answers with a page that says what would happen; its form becomes the dialog.
  var askFirst = function (form, submitter) {
    var sent = new FormData(form);
    if (submitter && submitter.name) sent.append(submitter.name, submitter.value);
    form.dataset.sent = "1";
    fetch(form.getAttribute("action"), { method: "POST", body: new URLSearchParams(sent), headers: { Accept: "text/html" } })
      .then(function (r) { return r.text(); }).then(function (html) {
        var found = $("[data-sure]", new DOMParser().parseFromString(html, "text/html")), box = document.createElement("dialog");
        if (!found) throw html;
        delete form.dataset.sent;
        box.appendChild(document.importNode(found, true));
        open(box, $("h2", box).id, submitter, function () {
          all("textarea", box).forEach(function (t) { if (form.elements[t.name]) form.elements[t.name].value = t.value; });
        });
      }).catch(function () { delete form.dataset.sent; form.dataset.plain = "1"; form.requestSubmit(submitter || undefined); });
  };

  // Ask before what cannot be undone: <form data-ask="…">.
  document.addEventListener("submit", function (e) {
    var form = e.target, submitter = e.submitter;
    if (form.hasAttribute("data-ask-first") && !form.dataset.plain) {
      e.preventDefault();
      if (!form.dataset.sent) askFirst(form, submitter);
      return;
    }
    var question = (submitter && submitter.dataset.ask) || form.dataset.ask;
    if (question && !form.dataset.sure) {
      e.preventDefault();
      var box = document.createElement("dialog");
      box.innerHTML = '<p id="ta-question"></p><footer><button class="ta-btn" data-no></button><button class="ta-btn"></button></footer>';
      box.firstChild.textContent = question;
      var buttons = all("button", box);
      // What is red on the page is red here, too: what is taken away or ends.
      buttons[1].classList.add(submitter && submitter.matches(".ta-btn--warn, .ta-btn--danger") ? "ta-btn--danger" : "ta-btn--main");
      buttons[0].textContent = says("取消", "Cancel");
      buttons[1].textContent = (submitter && submitter.textContent.trim()) || says("确定", "OK");
      buttons[1].addEventListener("click", function () { form.dataset.sure = "1"; box.remove(); form.requestSubmit(submitter || undefined); });
      open(box, "ta-question", submitter);
      return;
    }
    // One press, one request.
    if (form.method === "post" && !form.hasAttribute("data-again") && !(submitter && submitter.hasAttribute("data-again"))) {
      if (form.dataset.sent) { e.preventDefault(); return; }
      form.dataset.sent = "1";
      setTimeout(function () { delete form.dataset.sent; }, 8000);
    }
  });
  window.addEventListener("pageshow", function () { all("form[data-sent]").forEach(function (f) { delete f.dataset.sent; }); });

  // Whoever signs out leaves nothing of what his phone carried along (js/kept.js); phone pages see to it themselves.
  all('form[action="/logout/"]').forEach(function (form) {
    form.addEventListener("submit", function (e) {
      if (e.defaultPrevented || form.dataset.wiped || window.taKept || !window.indexedDB) return;
      e.preventDefault(); e.stopPropagation();
      var go = function () { form.dataset.wiped = "1"; form.requestSubmit(); }, script = document.createElement("script");
      script.src = $('script[src*="/js/app.js"]').src.replace("/app.js", "/kept.js");
      script.onload = function () { window.taKept.signOut().then(go, go); };
      script.onerror = go;
      document.head.appendChild(script);
    });
  });

  // Typed search in a long list: /lookup/<name>?q=… gives {results: [{id, text, hint}]}.
  all("[data-lookup]").forEach(function (pick) {
    var box = $('input[role="combobox"]', pick), kept = $('input[type="hidden"]', pick), list = $(".ta-pick__list", pick);
    var timer, at = -1, asked = 0, chosen = box.value;
    list.id = list.id || box.id + "-list"; box.setAttribute("aria-controls", list.id);
    var close = function () { list.hidden = true; box.setAttribute("aria-expanded", "false"); at = -1; };
    var choose = function (option) {
      kept.value = option.dataset.id; box.value = chosen = option.dataset.text; close();
      kept.dispatchEvent(new Event("change", { bubbles: true }));
    };
    var show = function (rows) {
      list.textContent = "";
      rows.forEach(function (row, n) {
        var option = document.createElement("span");
        option.setAttribute("role", "option"); option.id = box.id + "-o" + n;
        option.dataset.id = row.id; option.dataset.text = row.text;
        option.textContent = row.text + (row.hint ? "　" + row.hint : "");
        option.addEventListener("mousedown", function (e) { e.preventDefault(); choose(option); });
        list.appendChild(option);
      });
      if (!rows.length) {
        var none = document.createElement("span"); none.className = "none";
        none.textContent = says("没有找到", "Nothing found"); list.appendChild(none);
      }
      list.hidden = false; box.setAttribute("aria-expanded", "true");
    };
    box.addEventListener("input", function () {
      kept.value = ""; clearTimeout(timer);
      var words = box.value.trim();
      if (words.length < 2) { close(); return; }
      timer = setTimeout(function () {
        var mine = ++asked;
        fetch("/lookup/" + pick.dataset.lookup + "?q=" + encodeURIComponent(words), { headers: { Accept: "application/json" } })
          .then(function (r) { return r.ok ? r.json() : { results: [] }; })
          .then(function (found) { if (mine === asked) show(found.results); });
      }, 180);
    });
    box.addEventListener("keydown", function (e) {
      var options = all('[role="option"]', list);
      if ((e.key === "ArrowDown" || e.key === "ArrowUp") && options.length && !list.hidden) {
        e.preventDefault();
        at = (at + (e.key === "ArrowDown" ? 1 : -1) + options.length) % options.length;
        options.forEach(function (o, n) { o.setAttribute("aria-selected", n === at); });
        box.setAttribute("aria-activedescendant", options[at].id); options[at].scrollIntoView({ block: "nearest" });
      } else if (e.key === "Enter" && at >= 0 && !list.hidden) { e.preventDefault(); choose(options[at]); }
      else if (e.key === "Escape") close();
    });
    box.addEventListener("blur", function () {
      setTimeout(close, 120);
      // Text that chose nothing would look chosen: an emptied box clears, anything else falls back.
      if (!box.value.trim()) { kept.value = ""; chosen = ""; } else if (!kept.value) { box.value = chosen && kept.dataset.was ? chosen : box.value; }
    });
  });

  // What is chosen fills in what stands beside the form; what belongs to a choice stands there as long as it is made.
  all("[data-about]").forEach(function (pick) {
    var asked = 0;
    pick.addEventListener("change", function (e) {
      if (e.target.type !== "hidden" && e.target.tagName !== "SELECT") return;
      var mine = ++asked, about = new URL(pick.dataset.about, location.href);
      about.searchParams.set(e.target.name, e.target.value);
      fetch(about, { headers: { Accept: "text/html" } }).then(function (r) { return r.ok ? r.text() : ""; }, function () { return ""; })
        .then(function (told) {
          if (mine !== asked) return;
          var shown = $("[data-about-shown]");
          shown.innerHTML = told;
          // What it proposes goes where nobody has chosen anything by himself.
          all("data[data-fill]", shown).forEach(function (one) {
            var box = pick.closest("form").elements[one.dataset.fill];
            if (box && !box.dataset.own) box.value = one.value;
          });
        });
    });
    pick.closest("form").addEventListener("input", function (e) { if (!pick.contains(e.target)) e.target.dataset.own = "1"; });
  });
  all("[data-when]").forEach(function (box) {
    var asked = box.dataset.when.split("="), of = document.getElementById(asked[0]);
    var show = function () { box.hidden = asked[1].split("|").indexOf(of.value) < 0; };
    if (of && of.tagName === "SELECT") { of.addEventListener("change", show); show(); }
  });

  // A choice that ticks boxes: <select data-ticks="name of the boxes">, its <option data-ticks="values, by comma">.
  all("select[data-ticks]").forEach(function (pick) {
    pick.addEventListener("change", function () {
      var told = pick.selectedOptions[0] && pick.selectedOptions[0].dataset.ticks, wanted = told ? told.split(",") : null;
      if (wanted) all('input[name="' + pick.dataset.ticks + '"]', pick.form).forEach(function (b) { b.checked = wanted.indexOf(b.value) >= 0; });
    });
  });

  // Choosing rows: boxes named ids, the bar that says how many.
  var bar = $("[data-selbar]");
  if (bar) {
    var boxes = function () { return all('input[name="ids"]'); };
    var update = function () {
      var on = boxes().filter(function (b) { return b.checked; });
      // All that the list found are chosen as long as no row of this page is left out.
      if (on.length < boxes().length) bar.classList.remove("is-all");
      bar.hidden = !on.length; $("[data-selcount]", bar).textContent = on.length;
      boxes().forEach(function (b) { b.closest("tr").classList.toggle("is-sel", b.checked); });
      var head = $("[data-selall]"); if (head) head.checked = on.length > 0 && on.length === boxes().length;
    };
    document.addEventListener("change", function (e) {
      if (e.target.matches("[data-selall]")) boxes().forEach(function (b) { b.checked = e.target.checked; });
      if (e.target.matches('[data-selall], input[name="ids"]')) update();
    });
    var clear = $("[data-selclear]", bar);
    var tick = function (on) { boxes().forEach(function (b) { b.checked = on; }); bar.classList.toggle("is-all", on); update(); };
    if (clear) clear.addEventListener("click", function () { tick(false); });
    all("[data-selevery]", bar).forEach(function (b) { b.addEventListener("click", function () { tick(true); clear.focus(); }); });
    update();
  }

  // A table of its own kind: the box in its head ticks all of its rows; what is done with them stands there once one is ticked.
  all("form[data-bulk]").forEach(function (form) {
    var head = $("[data-bulk-all]", form), deeds = $("[data-bulk-bar]", form);
    if (head) head.addEventListener("change", function () {
      all('input[name="ids"], input[name="chosen"]', form).forEach(function (b) { b.checked = head.checked; });
    });
    var show = function () {
      deeds.hidden = !$("input.ta-cb:checked:not([data-bulk-all])", form);
      all("tbody tr", form).forEach(function (row) { row.classList.toggle("is-sel", !!$("input.ta-cb:checked", row)); });
    };
    if (deeds) { form.addEventListener("change", show); addEventListener("pageshow", show); show(); }
  });

  // A job's progress, until it ends: [data-job="/jobs/1.json"].
  all("[data-job]").forEach(function (box) {
    var wait = 700, told = $("[data-job-text]", box);
    if (told) told.setAttribute("aria-live", "polite");
    var ask = function () {
      fetch(box.dataset.job, { headers: { Accept: "application/json" } }).then(function (r) { return r.json(); }).then(function (job) {
        var fill = $(".ta-bar > *", box), words = told;
        var part = job.total ? Math.round(100 * job.done / job.total) : 0;
        if (fill) { fill.style.setProperty("--v", part + "%"); fill.parentNode.setAttribute("aria-valuenow", part); }
        if (words) words.textContent = job.text || job.message || "";
        var pill = $(".ta-pill", box);
        if (pill && job.label) { pill.textContent = job.label; pill.className = "ta-pill ta-pill--" + (job.state === "running" ? "info" : "gone"); }
        if (job.state === "done" || job.state === "failed") { if (box.dataset.then) location.href = box.dataset.then; else location.reload(); return; }
        wait = Math.min(wait * 1.25, 4000); setTimeout(ask, wait);
      }).catch(function () { wait = Math.min(wait * 2, 15000); setTimeout(ask, wait); });
    };
    setTimeout(ask, wait);
  });

  // What is open of rescues, above every page of those who watch: [data-alarm="/rescues/open"]. Nobody looks: nothing is asked.
  all("[data-alarm]").forEach(function (box) {
    var ask = function () {
      if (document.hidden) return;
      fetch(box.dataset.alarm, { headers: { Accept: "application/json" } }).then(function (r) { return r.ok ? r.json() : null; }).then(function (told) {
        if (told && box.dataset.words !== told.words + told.html) { box.dataset.words = told.words + told.html; box.innerHTML = told.html; }
      }).catch(function () {});
    };
    // The page knows how many there are; which they are is asked for at once.
    if (box.firstElementChild) ask();
    setInterval(ask, 20000);
  });
  // A record that moves by itself is shown anew, unless somebody is typing on it: [data-stand] with [data-version].
  all("[data-stand]").forEach(function (box) {
    var typed = false;
    document.addEventListener("input", function () { typed = true; });
    setInterval(function () {
      if (document.hidden) return;
      fetch(box.dataset.stand, { headers: { Accept: "application/json" } }).then(function (r) { return r.ok ? r.json() : null; }).then(function (now) {
        if (!now || String(now.version) === box.dataset.version) return;
        if (!typed) { location.reload(); return; }
        box.dataset.version = String(now.version);
        var note = document.createElement("p");
        note.className = "ta-banner ta-banner--near"; note.setAttribute("role", "status");
        note.textContent = says("有新的进展，请刷新页面后再提交", "This has moved on: reload the page before you send");
        box.insertAdjacentElement("afterend", note);
      }).catch(function () {});
    }, 10000);
  });

  // A part that is asked for again while somebody looks at the page: [data-live="/iot/elevators/1/live"].
  all("[data-live]").forEach(function (box) {
    // Whoever left the page open and went away is not kept signed in by it.
    var left = 90, wait = 10000, ask = function () {
      if (document.hidden || left < 1) { setTimeout(ask, wait); return; }
      left -= 1;
      fetch(box.dataset.live, { headers: { Accept: "text/html" }, redirect: "error" }).then(function (r) {
        if (!r.ok) throw r.status;
        return r.text();
      }).then(function (html) { box.innerHTML = html; wait = 10000; setTimeout(ask, wait); })
        .catch(function () { wait = Math.min(wait * 2, 120000); setTimeout(ask, wait); });
    };
    ["pointerdown", "keydown", "scroll"].forEach(function (deed) { addEventListener(deed, function () { left = 90; }, { passive: true }); });
    setTimeout(ask, wait);
  });

  // How strong a new password is: [data-strength="the field's id"]. What is taken is the server's to say.
  all("[data-strength]").forEach(function (meter) {
    var field = document.getElementById(meter.dataset.strength), words = meter.dataset.words.split("|");
    field.addEventListener("input", function () {
      var t = field.value, least = +meter.dataset.least;
      var kinds = [/[A-Za-z\u4e00-\u9fff]/, /[0-9]/, /[._]/, /[^A-Za-z0-9._\u4e00-\u9fff]/].filter(function (k) { return k.test(t); }).length;
      meter.value = !t ? 0 : t.length < least || kinds < 2 ? 1 : t.length < least + 4 ? (kinds > 2 ? 3 : 2) : kinds > 2 ? 4 : 3;
      meter.nextElementSibling.textContent = words[meter.value];
    });
  });

  all("[data-submit-on-change]").forEach(function (box) { box.addEventListener("change", function () { box.form.requestSubmit(); }); });
  all(".ta-radio").forEach(function (group) {
    var paint = function () { all("label", group).forEach(function (l) { l.classList.toggle("is-on", $("input", l).checked); }); };
    group.addEventListener("change", paint); paint();
  });
  all("[data-print]").forEach(function (b) { b.addEventListener("click", function () { print(); }); });
  all("[data-copy]").forEach(function (b) {
    var done = function () {
      var was = b.textContent; b.textContent = says("已复制", "Copied"); setTimeout(function () { b.textContent = was; }, 1500);
    };
    // Without HTTPS a browser lends no clipboard: the old way copies what is selected.
    var select = function () {
      var box = document.createElement("textarea"); box.value = b.dataset.copy; box.setAttribute("readonly", "");
      box.style.position = "fixed"; box.style.opacity = "0"; b.parentNode.appendChild(box); box.select();
      var copied = document.execCommand("copy"); box.remove(); b.focus(); if (copied) done();
    };
    b.setAttribute("aria-live", "polite");
    b.addEventListener("click", function () {
      if (navigator.clipboard) navigator.clipboard.writeText(b.dataset.copy).then(done, select); else select();
    });
  });
  var focus = $("[data-focus]") || $(".ta-f.is-bad .ta-in"); if (focus) focus.focus();
  window.ta = { token: token, $: $, all: all };
})();
