//! A password changed on the primary: when does the read-only Keycloak let it in, while the primary is idle and while it is
//! written to?

use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::error::Error;
use crate::realm::{Hashing, Realm, password, user_name};
use crate::report::{Row, say};
use crate::stats::Samples;
use crate::world::World;
use crate::writer;

/// Changes of each round; five rounds make 50 and 100.
const IDLE: usize = 10;
const WRITTEN_TO: usize = 20;
const USERS: usize = 20;
const LIMIT: Duration = Duration::from_secs(10);

/// Milliseconds until a change was in effect.
#[derive(Default)]
struct Delays {
    /// From the admin API's answer, which comes soon after the commit.
    answered: Samples,
    /// From the request, which came before the commit: the bound from above.
    asked: Samples,
}

pub(crate) async fn run(arguments: &Arguments, world: &World) -> Result<Vec<Row>, Error> {
    let realm = Realm::make(world, "bench-follows", USERS, Hashing::Cheap).await?;
    let noise = Realm::make(world, "bench-noise", USERS, Hashing::Default).await?;
    let mut passwords: Vec<String> = (0..USERS).map(|user| password(&user_name(user))).collect();
    let (mut idle, mut busy, mut rates) = (Delays::default(), Delays::default(), Samples::default());
    for round in 1..=arguments.rounds {
        change(world, &realm, &mut passwords, arguments.count(IDLE, 3), &mut idle).await?;
        let work = change(world, &realm, &mut passwords, arguments.count(WRITTEN_TO, 3), &mut busy);
        let ((), rate) = writer::meanwhile(world, &noise, writer::Changed::Users, work).await?;
        rates.push(rate);
        say(&format!("follows: round {round} of {}, {rate:.1} writes/s", arguments.rounds));
    }
    let what = "password changed on the primary → let in by the read-only Keycloak";
    let under = format!("under {} writes/s", rates.spread(1, "").trim());
    Ok(vec![
        Row::new(format!("{what}, primary idle, from the API's answer"), idle.answered.tail(0, "ms")),
        Row::new("the same, from the API's request", idle.asked.tail(0, "ms")),
        Row::new(format!("{what}, {under}, from the API's answer"), busy.answered.tail(0, "ms")).goal("p99 ≤ 500 ms"),
        Row::new("the same, from the API's request", busy.asked.tail(0, "ms")),
    ])
}

async fn change(
    world: &World,
    realm: &Realm,
    passwords: &mut [String],
    times: usize,
    delays: &mut Delays,
) -> Result<(), Error> {
    for turn in 0..times {
        let number = turn % passwords.len();
        let name = user_name(number);
        // A login first, so that the old password is surely cached there.
        realm.login(&world.standby, &name, &passwords[number]).await?.expect(200)?;
        let next = format!("password number {} of {name}", passwords[number].len() + delays.asked.len());
        let asked = Instant::now();
        realm.set_password(world, number, &next).await?;
        let answered = Instant::now();
        passwords[number].clone_from(&next);
        loop {
            let answer = realm.login(&world.standby, &name, &next).await?;
            match answer.status {
                200 => break,
                400 | 401 if answered.elapsed() < LIMIT => {}
                _ => return Err(format!("{name} is not let in after {:?}: {}", LIMIT, answer.shown()).into()),
            }
        }
        delays.answered.push(answered.elapsed().as_secs_f64() * 1000.0);
        delays.asked.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(())
}
