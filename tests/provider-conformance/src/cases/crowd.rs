//! Everybody at once.

use std::sync::Arc;

use crate::{
    Subject, Way,
    world::{World, requests_of_one_ask},
};

const WORKSPACES: usize = 1_000;

pub(crate) fn a_thousand_at_once<S: Subject>(way: Way) {
    let once = requests_of_one_ask::<S>(way);
    let world = Arc::new(World::<S>::new(way));
    let scopes = match way {
        Way::Tokens => world.subject.scopes(),
        Way::Variables => world.subject.scopes()[..1].to_vec(),
    };
    let before = world.proxy.requests();
    let asks: Vec<_> = (0..WORKSPACES)
        .map(|workspace| {
            let (world, scope) = (Arc::clone(&world), scopes[workspace % scopes.len()].clone());
            let handle = world.runtime.handle().clone();
            handle.spawn(async move { world.asked_by(workspace, scope).await })
        })
        .collect();
    for ask in asks {
        let given = world.runtime.block_on(ask).unwrap();
        given.unwrap_or_else(|failure| panic!("one of {WORKSPACES} failed: {failure:?}"));
    }
    let (caused, most) = (world.proxy.requests() - before, once * scopes.len());
    assert!(
        caused <= most,
        "expected {WORKSPACES} workspaces to cause no more than {most} requests, {once} for each of {} scopes, found {caused}",
        scopes.len()
    );
    Arc::into_inner(world).unwrap().finish();
}
