"""Screens, in folders by subject. `register` adds every view; the menu is `menu.MENU`."""

from __future__ import annotations

from typing import Any


def register(appbuilder: Any) -> None:
    """Add every screen without FAB's own menu (ours is by verb, see menu.py); one line each."""
    from flask import current_app

    from app.views.access import (
        accounts,
        api_tokens,
        assigning,
        browser,
        captcha,
        external,
        profile,
        recovery,
        roles,
        second_step,
        sessions,
        sub_accounts,
        sub_rights,
    )
    from app.views.approval import (
        appeals,
        applications,
        apply_many,
        applying,
        attached,
        filing_lists,
        mend_many,
        office,
        printing,
        queue,
        unit_changes,
        unit_changes_many,
    )
    from app.views.data import audit, imports, own_data, privacy, reports, revealing
    from app.views.frame import (
        about,
        clock_words,
        exports,
        files,
        health,
        inbox,
        jobs,
        labels,
        lately,
        lookup,
        menu,
        texts,
        uploads,
    )
    from app.views.home import cockpit, handbook
    from app.views.maintenance import (
        calendar,
        capacity,
        contracts,
        coverage,
        insurance,
        item_sets,
        ledgers,
        maintenance_lists,
        orders,
        teams,
        visits,
        warning_lists,
        year_plans,
    )
    from app.views.oversight import (
        anomalies,
        bulletins,
        complaint_statistics,
        complaints,
        enforcement,
        fraud,
        inspections,
        spot_checks,
        spot_draws,
        spot_statistics,
    )
    from app.views.partners import iot, iot_statistics, notices, open_data, partners, provincial
    from app.views.people import commitments, declarations, invitations, leaving, people, people_filing
    from app.views.registry import (
        components,
        elevator_labels,
        elevator_map,
        elevator_positions,
        elevators,
        regions,
        units,
        usual_parts,
    )
    from app.views.repair import repair_statistics, repairs
    from app.views.safety import patrols, rescue_pages, rescue_statistics, rescues, safety
    from app.views.scores import fairness, policy, policy_proposals, score_items, scores, what_if

    for part in (texts, menu, clock_words, office, uploads, browser, lately):
        part.install(current_app)
    for door in (health, files, open_data):
        door.register(current_app)
    for area in (
        captcha, recovery, second_step, lookup, inbox, about, handbook, notices, imports, regions, profile, own_data,
        accounts, api_tokens, roles, sub_accounts, sub_rights, sessions, external, assigning, partners, people,
        people_filing, leaving, invitations, revealing, privacy, jobs, policy, policy_proposals, audit, calendar,
        units, elevators, elevator_map, elevator_positions, elevator_labels, components, labels, applications,
        apply_many, mend_many, applying, printing, queue, unit_changes, unit_changes_many, office, filing_lists,
        contracts, commitments, declarations, attached, insurance, inspections, usual_parts, ledgers, teams, item_sets,
        orders, year_plans, maintenance_lists, warning_lists,
        visits, exports, reports, coverage, capacity, cockpit, scores, score_items, fairness, what_if, safety, patrols,
        repairs, repair_statistics, anomalies, bulletins, complaints, enforcement, appeals, fraud, spot_draws,
        spot_checks, spot_statistics, complaint_statistics, rescues, rescue_pages, rescue_statistics, iot,
        iot_statistics, provincial,
    ):  # fmt: skip
        area.register(appbuilder)
