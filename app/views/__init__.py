"""Screens: one file an area. `register` adds every view; the menu is `menu.MENU`."""

from __future__ import annotations

from typing import Any


def register(appbuilder: Any) -> None:
    """Add every screen without FAB's own menu (ours is by verb, see menu.py); one line each."""
    from flask import current_app

    from app.views import (
        accounts,
        api_tokens,
        applications,
        applying,
        assigning,
        attached,
        audit,
        calendar,
        captcha,
        clock_words,
        commitments,
        contracts,
        coverage,
        elevators,
        exports,
        external,
        files,
        filing_lists,
        health,
        imports,
        inbox,
        insurance,
        invitations,
        jobs,
        labels,
        lately,
        leaving,
        ledgers,
        lookup,
        maintenance_lists,
        menu,
        notices,
        office,
        orders,
        own_data,
        partners,
        patrols,
        people,
        people_filing,
        policy,
        policy_proposals,
        printing,
        profile,
        queue,
        recovery,
        regions,
        reports,
        roles,
        safety,
        scores,
        second_step,
        security,
        sessions,
        sub_accounts,
        sub_rights,
        texts,
        unit_changes,
        units,
        uploads,
        visits,
    )

    texts.install(current_app)
    menu.install(current_app)
    clock_words.install(current_app)
    office.install(current_app)
    health.register(current_app)
    files.register(current_app)
    uploads.install(current_app)
    security.install(current_app)
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
    jobs.register(appbuilder)
    policy.register(appbuilder)
    policy_proposals.register(appbuilder)
    audit.register(appbuilder)
    calendar.register(appbuilder)
    units.register(appbuilder)
    elevators.register(appbuilder)
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
    attached.register(appbuilder)
    insurance.register(appbuilder)
    ledgers.register(appbuilder)
    orders.register(appbuilder)
    maintenance_lists.register(appbuilder)
    visits.register(appbuilder)
    exports.register(appbuilder)
    reports.register(appbuilder)
    coverage.register(appbuilder)
    scores.register(appbuilder)
    safety.register(appbuilder)
    patrols.register(appbuilder)
