"""Screens: one file an area. `register` adds every view; the menu is `menu.MENU`."""

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
        applying,
        attached,
        filing_lists,
        office,
        printing,
        queue,
        unit_changes,
    )
    from app.views.data import audit, imports, own_data, privacy, reports, revealing
    from app.views.frame import (
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
    from app.views.home import cockpit
    from app.views.maintenance import (
        calendar,
        capacity,
        contracts,
        coverage,
        insurance,
        ledgers,
        maintenance_lists,
        orders,
        teams,
        visits,
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
    )
    from app.views.partners import iot, notices, open_data, partners, provincial
    from app.views.people import commitments, declarations, invitations, leaving, people, people_filing
    from app.views.registry import components, elevator_map, elevator_positions, elevators, regions, units
    from app.views.repair import repair_statistics, repairs
    from app.views.safety import patrols, rescue_pages, rescue_statistics, rescues, safety
    from app.views.scores import fairness, policy, policy_proposals, score_items, scores, what_if

    texts.install(current_app)
    menu.install(current_app)
    clock_words.install(current_app)
    office.install(current_app)
    health.register(current_app)
    files.register(current_app)
    open_data.register(current_app)
    uploads.install(current_app)
    browser.install(current_app)
    lately.install(current_app)
    captcha.register(appbuilder)
    recovery.register(appbuilder)
    second_step.register(appbuilder)
    lookup.register(appbuilder)
    inbox.register(appbuilder)
    notices.register(appbuilder)
    imports.register(appbuilder)
    regions.register(appbuilder)
    profile.register(appbuilder)
    own_data.register(appbuilder)
    accounts.register(appbuilder)
    api_tokens.register(appbuilder)
    roles.register(appbuilder)
    sub_accounts.register(appbuilder)
    sub_rights.register(appbuilder)
    sessions.register(appbuilder)
    external.register(appbuilder)
    assigning.register(appbuilder)
    partners.register(appbuilder)
    people.register(appbuilder)
    people_filing.register(appbuilder)
    leaving.register(appbuilder)
    invitations.register(appbuilder)
    revealing.register(appbuilder)
    privacy.register(appbuilder)
    jobs.register(appbuilder)
    policy.register(appbuilder)
    policy_proposals.register(appbuilder)
    audit.register(appbuilder)
    calendar.register(appbuilder)
    units.register(appbuilder)
    elevators.register(appbuilder)
    elevator_map.register(appbuilder)
    elevator_positions.register(appbuilder)
    components.register(appbuilder)
    labels.register(appbuilder)
    applications.register(appbuilder)
    applying.register(appbuilder)
    printing.register(appbuilder)
    queue.register(appbuilder)
    unit_changes.register(appbuilder)
    office.register(appbuilder)
    filing_lists.register(appbuilder)
    contracts.register(appbuilder)
    commitments.register(appbuilder)
    declarations.register(appbuilder)
    attached.register(appbuilder)
    insurance.register(appbuilder)
    inspections.register(appbuilder)
    ledgers.register(appbuilder)
    teams.register(appbuilder)
    orders.register(appbuilder)
    maintenance_lists.register(appbuilder)
    visits.register(appbuilder)
    exports.register(appbuilder)
    reports.register(appbuilder)
    coverage.register(appbuilder)
    capacity.register(appbuilder)
    cockpit.register(appbuilder)
    scores.register(appbuilder)
    score_items.register(appbuilder)
    fairness.register(appbuilder)
    what_if.register(appbuilder)
    safety.register(appbuilder)
    patrols.register(appbuilder)
    repairs.register(appbuilder)
    repair_statistics.register(appbuilder)
    anomalies.register(appbuilder)
    bulletins.register(appbuilder)
    complaints.register(appbuilder)
    enforcement.register(appbuilder)
    appeals.register(appbuilder)
    fraud.register(appbuilder)
    spot_draws.register(appbuilder)
    spot_checks.register(appbuilder)
    complaint_statistics.register(appbuilder)
    rescues.register(appbuilder)
    rescue_pages.register(appbuilder)
    rescue_statistics.register(appbuilder)
    iot.register(appbuilder)
    provincial.register(appbuilder)
