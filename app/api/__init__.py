"""REST for phones and other systems, with OpenAPI at /swagger/v1."""

from __future__ import annotations

from typing import Any


def register(appbuilder: Any) -> None:
    """Add every API class; one line each."""
    from flask import current_app

    from app.api import (
        accounts,
        anomalies,
        applications,
        applying,
        applying_many,
        attached,
        base,
        bulletins,
        capacity,
        clocks,
        commitments,
        complaints,
        components,
        confirming,
        contracts,
        deciding,
        duties,
        elevators,
        enforcement,
        faces,
        files,
        filing,
        fraud,
        inspections,
        insurance,
        insurance_months,
        invitations,
        iot,
        item_sets,
        labels,
        ledgers,
        me,
        mending_many,
        notices,
        offline,
        orders,
        own,
        people,
        people_deeds,
        policy,
        policy_tests,
        positions,
        posters,
        privacy,
        proof,
        provincial,
        regions,
        repairs,
        rescues,
        safety,
        score_simulations,
        scores,
        sessions,
        spot,
        sub_accounts,
        talking,
        teams,
        tokens,
        units,
        visits,
    )

    # After the limits: a storm of worthless tokens is counted too.
    current_app.before_request(base.refuse_dead_tokens)
    base.say_it_alike(appbuilder.sm.jwt_manager)
    for area in (
        me, own, regions, accounts, sub_accounts, sessions, tokens, people, people_deeds, invitations, posters, units,
        elevators, filing, applications, applying, applying_many, mending_many, deciding, talking, files,
        attached, commitments,
        insurance, insurance_months, complaints, inspections, contracts, policy, policy_tests, clocks, visits, faces,
        confirming, orders, ledgers, teams, item_sets, offline, safety, duties, proof, notices, privacy,
        score_simulations, capacity, rescues, repairs, anomalies, enforcement, scores, fraud, spot, bulletins, iot,
        provincial, positions, labels, components,
    ):  # fmt: skip
        area.register(appbuilder)
